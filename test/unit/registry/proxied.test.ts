import { once } from 'node:events';
import http from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { parseReference, RegistryError } from '../../../src/registry/index.ts';
import { certificate, hostsDir } from './fixtures.ts';
import { answerManifest, client, digestOf, manifestBody, serve, type TestServer } from './server.ts';

const reference = parseReference('registry.test/app:v1');

/** A forward proxy that leads every name to one server: `registry.test` exists through it alone. */
async function proxyTo(t: ExecutionContext, target: TestServer) {
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const proxy = http.createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim());
    const { pathname, search } = new URL(request.url ?? '');
    const onward = { port: target.port, path: pathname + search, method: request.method, headers: request.headers };
    http
      .request(onward, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      })
      .end();
  });
  proxy.on('connect', (request, socket: Socket) => {
    seen.push(`CONNECT ${request.url}`);
    const onward = connect(target.port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    for (const one of [socket, onward]) {
      sockets.add(one);
      one.on('error', () => undefined);
    }
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy();
    proxy.closeAllConnections();
    await new Promise((done) => proxy.close(done));
  });
  return { seen, address: `127.0.0.1:${(proxy.address() as AddressInfo).port}` };
}

test('a registry over HTTPS is reached through a tunnel of the proxy', async (t) => {
  const pair = await certificate(t);
  const proxy = await proxyTo(t, await serve(t, answerManifest, pair));
  const folder = await hostsDir(t, { 'registry.test/hosts.toml': 'ca = "ca.crt"', 'registry.test/ca.crt': pair.cert });
  const made = client(t, { hostsDir: folder, proxyEnv: { HTTPS_PROXY: `http://${proxy.address}` } });
  t.is((await made.resolve(reference)).digest, digestOf(manifestBody));
  t.deepEqual(proxy.seen, ['CONNECT registry.test:443']);
});

test('a registry over HTTP is reached through the proxy, with its login', async (t) => {
  const proxy = await proxyTo(t, await serve(t, answerManifest));
  const folder = await hostsDir(t, { 'registry.test/hosts.toml': 'server = "http://registry.test"' });
  const made = client(t, { hostsDir: folder, proxyEnv: { HTTP_PROXY: `http://tim:secret@${proxy.address}` } });
  t.is((await made.resolve(reference)).digest, digestOf(manifestBody));
  const login = `Basic ${Buffer.from('tim:secret').toString('base64')}`;
  t.deepEqual(proxy.seen, [`HEAD http://registry.test/v2/app/manifests/v1 ${login}`]);
});

for (const inner of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '0.0.0.0', '2130706433']) {
  test(`a registry elsewhere leads neither a pull nor a question for a token to ${inner}`, async (t) => {
    const service = await serve(t, (_, response) => response.end('{"token":"x"}'));
    const at = `http://${inner}:${service.port}/secret`;
    const registry = await serve(t, ({ url }, response) => {
      const challenge = { 'www-authenticate': `Bearer realm="${at}"` };
      if (url?.includes('/private/')) response.writeHead(401, challenge).end();
      else response.writeHead(307, { location: at }).end();
    });
    const proxy = await proxyTo(t, registry);
    const folder = await hostsDir(t, { 'registry.test/hosts.toml': 'server = "http://registry.test"' });
    const proxyEnv = { HTTP_PROXY: `http://${proxy.address}`, NO_PROXY: '0.0.0.0,127.0.0.1,localhost' };
    const made = client(t, { hostsDir: folder, proxyEnv });
    for (const name of ['registry.test/app:v1', 'registry.test/private/app:v1']) {
      const error = await t.throwsAsync(made.resolve(parseReference(name)), { instanceOf: RegistryError });
      t.is(error?.kind, 'refused', error?.message);
      t.regex(error?.message ?? '', /registry\.test leads to .* an address of this host/);
    }
    t.deepEqual(service.lines(), []);
  });
}

test('a registry on this host may lead to another of its addresses', async (t) => {
  const service = await serve(t, answerManifest);
  const registry = await serve(t, (_, response) => {
    response.writeHead(307, { location: `http://0.0.0.0:${service.port}/here` }).end();
  });
  const at = parseReference(`localhost:${registry.port}/app:v1`);
  t.is((await client(t).resolve(at)).digest, digestOf(manifestBody));
});

test('NO_PROXY goes around the proxy', async (t) => {
  const server = await serve(t, answerManifest);
  const proxy = await proxyTo(t, server);
  // Leads to this host like a loopback address, but is none.
  const toml = `server = "http://0.0.0.0:${server.port}"`;
  const folder = await hostsDir(t, { 'registry.test/hosts.toml': toml });
  const proxyEnv = { HTTP_PROXY: `http://${proxy.address}` };
  await client(t, { hostsDir: folder, proxyEnv }).resolve(reference);
  t.is(proxy.seen.length, 1);
  await client(t, { hostsDir: folder, proxyEnv: { ...proxyEnv, NO_PROXY: '0.0.0.0/8' } }).resolve(reference);
  t.is(proxy.seen.length, 1);
  t.is(server.requests.length, 2);
});

test('a proxy that is down is told as unreachable, without its login', async (t) => {
  const folder = await hostsDir(t, { 'registry.test/hosts.toml': 'server = "http://registry.test"' });
  const made = client(t, { hostsDir: folder, proxyEnv: { HTTP_PROXY: 'http://tim:secret@127.0.0.1:1' } });
  const error = await t.throwsAsync(made.resolve(reference), { instanceOf: RegistryError });
  t.is(error?.kind, 'unreachable');
  t.notRegex(error?.message ?? '', /secret/);
});

test('a proxy that refuses the tunnel is told as unreachable', async (t) => {
  const refusing = http.createServer();
  refusing.on('connect', (_, socket: Socket) => socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'));
  refusing.listen(0, '127.0.0.1');
  await once(refusing, 'listening');
  t.teardown(() => refusing.close());
  const { port } = refusing.address() as AddressInfo;
  const made = client(t, { proxyEnv: { HTTPS_PROXY: `http://tim:secret@127.0.0.1:${port}` } });
  const error = await t.throwsAsync(made.resolve(reference), { instanceOf: RegistryError });
  t.is(error?.kind, 'unreachable');
  t.notRegex(error?.message ?? '', /secret/);
});
