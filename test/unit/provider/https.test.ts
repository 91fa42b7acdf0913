import { execFile } from 'node:child_process';
import { once } from 'node:events';
import promises, { copyFile, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { get, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import { type AddressInfo, connect as connectPlain, type Socket } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import tls, { connect as connectSecure, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { ConfigError, defaultConfig, functionProxy, serve, type FaaSServer, type Log } from '../../../src/index.ts';
import { silentLog } from '../../../src/base/log.ts';
import { createHttpServer } from '../../../src/provider/http-server.ts';
import { followKeyPair, keyPairFiles, readKeyPair } from '../../../src/provider/key-pair.ts';
import { makeKeyPair, type MadeKeyPair } from '../../helpers/key-pair.ts';
import { until } from '../../helpers/poll.ts';
import { startFunction } from './proxy/world.ts';
import { namingHandlers, withServer } from './with-server.ts';

let pair: MadeKeyPair;
let other: MadeKeyPair;
test.before(async () => {
  pair = await makeKeyPair();
  other = await makeKeyPair('other.test');
});

const tlsConfig = () => ({ tlsCert: pair.files.cert, tlsKey: pair.files.key });
const outside = Object.values(networkInterfaces())
  .flat()
  .find((one) => one?.family === 'IPv4' && !one.internal)?.address;

function handshake(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connectSecure({ port, host: '127.0.0.1', ca: pair.cert, servername: 'berth.test', ...options });
  return once(socket, 'secureConnect').then(() => socket);
}

async function fetchText({ port }: { port: number }, where = '/function/env'): Promise<string> {
  const req = get({ port, host: '127.0.0.1', path: where, ca: pair.cert, servername: 'berth.test', agent: false });
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  return text(res);
}

/** All that a plain connection is told. */
async function saidTo(socket: Socket, sent: string): Promise<string> {
  socket.write(sent);
  return text(socket);
}

test('the API and functions are served over TLS, by HTTP/1.1 and nothing older than TLS 1.2', async (t) => {
  await withServer(namingHandlers(), { config: tlsConfig() }, async ({ port }) => {
    t.is(await fetchText({ port }), 'functionProxy GET /function/env');
    t.is(await fetchText({ port }, '/healthz'), 'health');
    const socket = await handshake(port, { ALPNProtocols: ['h2', 'http/1.1'] });
    t.is(socket.alpnProtocol, 'http/1.1');
    t.is(socket.getProtocol(), 'TLSv1.3');
    socket.destroy();
    const old = await handshake(port, { maxVersion: 'TLSv1.2' });
    t.is(old.getProtocol(), 'TLSv1.2');
    old.destroy();
    await t.throwsAsync(handshake(port, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }));
    await t.throwsAsync(handshake(port, { ALPNProtocols: ['h2'] }));
    t.is(await fetchText({ port }), 'functionProxy GET /function/env');
  });
});

test('functions are told that the caller spoke HTTPS', async (t) => {
  const { port: upstream } = await startFunction(t, (req, res) => res.end(String(req.headers['x-forwarded-proto'])));
  const resolve = () => ({ hostname: '127.0.0.1', port: upstream, release: () => {} });
  const handlers = { functionProxy: functionProxy(resolve, { defaultNamespace: 'openfaas-fn' }) };
  await withServer(handlers, { config: tlsConfig() }, async ({ port, send }) => {
    t.is(await fetchText({ port }), 'https');
    t.is((await send('GET', '/function/env')).body, 'http', 'a plain caller on this host');
  });
});

test('callers on this host, such as functions on their bridge, are served in plain on the same port', async (t) => {
  await withServer(namingHandlers(), { config: tlsConfig() }, async ({ send, connect }) => {
    t.is((await send('POST', '/function/env', 'x'.repeat(1_000_000))).body, 'functionProxy POST /function/env');
    const two = 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
    t.is((await saidTo(connect(), two)).match(/HTTP\/1\.1 200 OK/g)?.length, 2);
    const socket = connect();
    for (const byte of 'GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: clo') {
      socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    t.regex(await saidTo(socket, 'se\r\n\r\n'), /^HTTP\/1\.1 200 OK/);
  });
});

test('a caller from elsewhere that speaks plain HTTP is told so, and nothing of what it sends is acted on', async (t) => {
  if (!outside) return t.pass('this host has no address but loopback');
  const handlers = namingHandlers();
  await withServer(handlers, { config: { ...tlsConfig(), bind: '0.0.0.0' } }, async ({ port }) => {
    // Its own address is told from the one that it speaks to.
    const socket = connectPlain({ port, host: '127.0.0.1', localAddress: outside });
    const said = await saidTo(socket, 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
    t.regex(
      said,
      /^HTTP\/1\.1 400 Bad Request\r\n.*\r\n\r\nthis port speaks HTTPS: write https:\/\/ before the address\n$/s,
    );
    const same = connectPlain({ port, host: outside, localAddress: outside });
    t.regex(await saidTo(same, 'GET /healthz HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200/);
  });
  const plainOn = ['127.0.0.1'];
  await withServer(
    handlers,
    { config: { ...tlsConfig(), bind: '0.0.0.0' }, options: { plainOn } },
    async ({ port }) => {
      const socket = connectPlain({ port, host: '127.0.0.1', localAddress: outside });
      t.regex(await saidTo(socket, 'GET /healthz HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200/);
    },
  );
});

test('callers that say nothing, break off, or stop within the handshake are cut, and others served meanwhile', async (t) => {
  await withServer(
    namingHandlers(),
    { config: { ...tlsConfig(), readTimeoutMs: 3_000 } },
    async ({ port, connect }) => {
      const silent = connect();
      const leaving = connect().end();
      const stopped = connect();
      stopped.write(Buffer.from([22, 3, 1, 2, 0, 1]));
      const broken = connect();
      broken.write(Buffer.concat([Buffer.from([22]), Buffer.alloc(2_000, 0x41)]));
      const cut = [silent, leaving, stopped, broken].map((socket) =>
        text(socket.on('error', () => {})).catch(() => ''),
      );
      t.is(await fetchText({ port }), 'functionProxy GET /function/env');
      await Promise.all(cut);
      t.is(await fetchText({ port }), 'functionProxy GET /function/env');
    },
  );
});

test('a caller that leaves within the handshake leaves nothing behind', async (t) => {
  const secure = { pair };
  const limits = { readTimeoutMs: 3_600_000, writeTimeoutMs: 0 };
  const handlerFor = () => namingHandlers().functionProxy;
  const server = createHttpServer(limits, { log: silentLog, handlerFor, secure }).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const count = () => new Promise<number>((resolve) => server.getConnections((_error, many) => resolve(many)));
  connectPlain(port, '127.0.0.1').end(Buffer.from([22, 3, 1]));
  // It has the server's part of the handshake, and gives none of its own to it.
  (await handshake(port)).destroy();
  connectPlain(port, '127.0.0.1').end();
  await until(async () => (await count()) === 0);
  t.pass();
});

test('closing does not wait for callers that have not shaken hands', async (t) => {
  const config = { ...defaultConfig, ...tlsConfig(), tcpPort: 0, bind: '127.0.0.1', readTimeoutMs: 3_600_000 };
  const server: FaaSServer = await serve(namingHandlers(), config, { drainMs: 50 });
  const silent = connectPlain(server.port, '127.0.0.1').on('error', () => {});
  const stopped = connectPlain(server.port, '127.0.0.1').on('error', () => {});
  stopped.write(Buffer.from([22, 3, 1]));
  t.is(await fetchText(server), 'functionProxy GET /function/env');
  const ended = Promise.all([silent, stopped].map((socket) => text(socket).catch(() => '')));
  await server.close();
  await ended;
});

test('a large body goes up and down, and a caller that only ends its sending side has its answer', async (t) => {
  const handlers = {
    ...namingHandlers(),
    functionProxy: {
      web: (req: IncomingMessage, res: NodeJS.WritableStream) => {
        let bytes = 0;
        req.on('data', (chunk: Buffer) => (bytes += chunk.length));
        req.on('end', () => setTimeout(() => res.end(`${bytes} `.padEnd(20_000_000, '.')), 800));
      },
    },
  };
  await withServer(handlers, { config: tlsConfig() }, async ({ port }) => {
    const socket = await handshake(port, { allowHalfOpen: true } as ConnectionOptions);
    socket.end('POST /function/env HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc');
    const answer = await text(socket);
    t.regex(answer, /HTTP\/1\.1 200 OK.*\r\n\r\n3 \./s);
    t.true(answer.length > 20_000_000);
    const req = request({
      port,
      host: '127.0.0.1',
      path: '/function/env',
      method: 'POST',
      ca: pair.cert,
      agent: false,
    });
    req.end(Buffer.alloc(30_000_000));
    const [res] = (await once(req, 'response')) as [IncomingMessage];
    t.is((await text(res)).slice(0, 9), '30000000 ');
  });
});

test('a key pair that cannot serve stops the start, and the message names the file', async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'berth-tls-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const rubbish = path.join(folder, 'rubbish.pem');
  await writeFile(rubbish, 'no PEM');
  const { cert, key } = pair.files;
  for (const [files, message] of [
    [{ cert, key: path.join(folder, 'absent.pem') }, /^tls_key: .*absent\.pem cannot be read: write it, or leave/],
    [{ cert: rubbish, key }, /^tls_cert: .*rubbish\.pem holds no certificate in PEM$/],
    [{ cert, key: rubbish }, /^tls_key: .*rubbish\.pem holds no private key in PEM/],
    [
      { cert, key: other.files.key },
      /^tls_key: .*key\.pem is not the key of the first certificate in .*cert\.pem: write/,
    ],
  ] as const) {
    await t.throwsAsync(readKeyPair(files), { instanceOf: ConfigError, message });
  }
  t.throws(() => keyPairFiles({ tlsCert: cert }), { message: /^tls_cert is set and tls_key is not: set both/ });
  t.throws(() => keyPairFiles({ tlsKey: key }), { message: /^tls_key is set and tls_cert is not/ });
  t.is(keyPairFiles({}), undefined);
  const config = { ...defaultConfig, tcpPort: 0, bind: '127.0.0.1', tlsCert: cert };
  await t.throwsAsync(serve(namingHandlers(), config), { instanceOf: ConfigError });
});

/** Follows files of a folder, and keeps what is said and used. */
async function follow(t: { teardown: (act: () => unknown) => void }, made: MadeKeyPair) {
  const folder = await mkdtemp(path.join(tmpdir(), 'berth-tls-'));
  const files = { cert: path.join(folder, 'cert.pem'), key: path.join(folder, 'key.pem') };
  await copyFile(made.files.cert, files.cert);
  await copyFile(made.files.key, files.key);
  const said: string[] = [];
  const used: string[] = [];
  const log: Log = { ...silentLog, warn: (line) => said.push(line), info: (line) => said.push(line) };
  const ending = new AbortController();
  t.teardown(() => {
    ending.abort();
    return rm(folder, { recursive: true });
  });
  const use = ({ cert }: { cert: string }) => void used.push(cert);
  followKeyPair({ files, pair: await readKeyPair(files), use, log, signal: ending.signal, lookMs: 10 });
  return { folder, files, said, used };
}

test('a renewed pair is used once both files fit, and until then the one before, with one warning', async (t) => {
  const { files, said, used } = await follow(t, pair);
  await copyFile(other.files.key, `${files.key}.new`);
  await rename(`${files.key}.new`, files.key);
  await until(() => said.length > 0);
  t.regex(said.join('\n'), /^the certificate before stays in use: tls_key: .*is not the key of the first certificate/);
  await writeFile(`${files.cert}.new`, other.cert.slice(0, 200));
  await rename(`${files.cert}.new`, files.cert);
  await until(() => said.length === 2);
  t.regex(said[1] ?? '', /holds no certificate in PEM/);
  t.deepEqual(used, []);
  await copyFile(other.files.cert, `${files.cert}.new`);
  await rename(`${files.cert}.new`, files.cert);
  await until(() => used.length > 0);
  t.deepEqual(used, [other.cert]);
  t.deepEqual(said.slice(2), ['new certificate in use']);
});

test("links that are swapped above the files are followed, as certbot's and Kubernetes' are", async (t) => {
  const { folder, files, used } = await follow(t, pair);
  for (const name of ['cert', 'key'] as const) {
    await symlink(other.files[name], path.join(folder, 'next'));
    await rename(path.join(folder, 'next'), files[name]);
  }
  await until(() => used.length > 0);
  t.deepEqual(used, [other.cert]);
});

/** Counts calls of a function of a module of Node's, by whoever has imported it. */
function counted<T extends object>(t: ExecutionContext, module: T, name: keyof T & string) {
  const count = { calls: 0 };
  const original = module[name] as (...args: unknown[]) => unknown;
  const put = (value: unknown) => {
    Object.assign(module, { [name]: value });
    syncBuiltinESMExports();
  };
  put((...args: unknown[]) => {
    count.calls += 1;
    return original(...args);
  });
  t.teardown(() => put(original));
  return count;
}

test.serial('of files that stay as they are no TLS context is made, look after look', async (t) => {
  const { files, used } = await follow(t, pair);
  const contexts = counted(t, tls, 'createSecureContext');
  const reads = counted(t, promises, 'readFile');
  await until(() => reads.calls >= 6);
  t.is(contexts.calls, 0);
  await copyFile(other.files.cert, files.cert);
  await copyFile(other.files.key, files.key);
  await until(() => used.length > 0);
  t.true(contexts.calls > 0);
});

test('a certificate that expired serves, and the log says so', async (t) => {
  const made = await makeKeyPair('old.test');
  const { cert, key } = made.files;
  await promisify(execFile)('openssl', ['x509', '-in', cert, '-signkey', key, '-days', '-1', '-out', cert]);
  const { said } = await follow(t, made);
  t.is(said.length, 1);
  t.regex(said[0] ?? '', /^the certificate in .* expired on 2\S+Z: renew it$/);
});

test('new connections have the renewed certificate and open ones live on', async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'berth-tls-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const [tlsCert, tlsKey] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')];
  await writeFile(tlsCert, pair.cert);
  await writeFile(tlsKey, pair.key);
  await withServer(namingHandlers(), { config: { tlsCert, tlsKey } }, async ({ port }) => {
    const open = await handshake(port);
    await writeFile(tlsCert, await readFile(other.files.cert));
    await writeFile(tlsKey, await readFile(other.files.key));
    const isRenewed = async () => {
      const socket = await handshake(port, { rejectUnauthorized: false });
      const { subject } = socket.getPeerCertificate();
      socket.destroy();
      return subject.CN === 'other.test';
    };
    await until(isRenewed, { message: 'the renewed certificate' });
    t.regex(await saidTo(open, 'GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 200/);
  });
});
