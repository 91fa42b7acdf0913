import test from 'ava';
import { type Descriptor, RegistryError } from '../../../src/registry/index.ts';
import { answerJson, answerManifest, client, digestOf, imageAt, manifestBody, manifestType, serve } from './server.ts';

const manifest: Descriptor = { mediaType: manifestType, digest: digestOf(manifestBody), size: manifestBody.length };

test('a tag resolves to what the registry has under it, with one request', async (t) => {
  const server = await serve(t, answerManifest);
  t.deepEqual(await client(t).resolve(imageAt(server)), manifest);
  t.deepEqual(server.lines(), ['HEAD /v2/app/manifests/v1']);
  const { headers } = server.requests[0] ?? {};
  t.regex(headers?.accept ?? '', /image\.index\.v1\+json.*\*\/\*$/);
  t.is(headers?.['user-agent'], 'test');
  t.is(headers?.['accept-encoding'], 'identity');
});

test('a registry that does not know HEAD is asked by GET', async (t) => {
  const server = await serve(t, (request, response) => {
    if (request.method === 'HEAD') response.writeHead(405).end();
    else response.writeHead(200, { 'content-type': `${manifestType}; charset=utf-8` }).end(manifestBody);
  });
  t.deepEqual(await client(t).resolve(imageAt(server)), manifest);
});

test('a registry that tells no digest has its body hashed', async (t) => {
  const server = await serve(t, (request, response) => {
    response.writeHead(200, { 'content-type': manifestType, 'content-length': manifestBody.length });
    response.end(request.method === 'HEAD' ? undefined : manifestBody);
  });
  t.deepEqual(await client(t).resolve(imageAt(server)), manifest);
});

test("a reference by digest keeps its digest, whatever the registry's header says", async (t) => {
  const server = await serve(t, (request, response) => answerManifest(request, response, Buffer.from('{"other":1}')));
  const digest = `sha256:${'1'.repeat(64)}`;
  t.is((await client(t).resolve(imageAt(server, `app@${digest}`))).digest, digest);
});

test('a manifest is fetched by digest and verified', async (t) => {
  const server = await serve(t, answerManifest);
  t.deepEqual(await client(t).fetchManifest(imageAt(server), manifest), manifestBody);
  t.deepEqual(server.lines(), [`GET /v2/app/manifests/${manifest.digest}`]);
});

test('other bytes than the digest promises are refused', async (t) => {
  const server = await serve(t, (request, response) => answerManifest(request, response, Buffer.from('{"forged":1}')));
  const error = await t.throwsAsync(client(t).fetchManifest(imageAt(server), manifest), { instanceOf: RegistryError });
  t.is(error?.kind, 'corrupt');
  t.regex(error?.message ?? '', /is corrupt: expected sha256:/);
  const config = { ...manifest, mediaType: 'application/vnd.oci.image.config.v1+json', size: 12 };
  const blobError = await t.throwsAsync(client(t).fetchBlob(imageAt(server), config), { instanceOf: RegistryError });
  t.is(blobError?.kind, 'corrupt');
});

test('an endless manifest is cut off', async (t) => {
  const server = await serve(t, (_, response) => {
    const more = () => {
      while (response.write(Buffer.alloc(65_536, 32)));
    };
    response.on('drain', more);
    more();
  });
  const error = await t.throwsAsync(client(t).fetchManifest(imageAt(server), manifest), { instanceOf: RegistryError });
  t.regex(error?.message ?? '', /larger than 4 MiB/);
});

const refusals: [number, RegistryError['kind'], RegExp][] = [
  [401, 'denied', /HTTP 401.*needs another login: put one for 127\.0\.0\.1:\d+ in \/etc\/config\.json/],
  [403, 'denied', /HTTP 403.*needs another login/],
  [404, 'not-found', /HTTP 404.*check its name and tag/],
  [500, 'unreachable', /HTTP 500.*try again later/],
  [503, 'unreachable', /HTTP 503.*try again later/],
  [418, 'refused', /HTTP 418/],
];

for (const [status, kind, message] of refusals) {
  test(`HTTP ${status} is an error of kind ${kind} that says what to do`, async (t) => {
    const server = await serve(t, (_, response) => {
      answerJson(response, status, { errors: [{ code: 'X', message: 'said\u001b[31m\nthe registry' }] });
    });
    const reference = imageAt(server);
    const error = await t.throwsAsync(client(t).fetchManifest(reference, manifest), { instanceOf: RegistryError });
    t.is(error?.kind, kind);
    t.is(error?.status, status);
    t.is(error?.registry, server.host);
    t.is(error?.repository, 'app');
    t.regex(error?.message ?? '', message);
    t.true(error?.message.includes(`${reference.name} (repository app)`));
    t.true(error?.message.includes('said [31m the registry'));
  });
}

test('a registry that asks for patience is asked again when it says', async (t) => {
  const server = await serve(t, (request, response) => {
    if (server.requests.length < 3) response.writeHead(429, { 'retry-after': '0' }).end();
    else answerManifest(request, response);
  });
  t.is((await client(t).resolve(imageAt(server))).digest, manifest.digest);
  t.is(server.requests.length, 3);
});

test('a registry that goes on asking for patience is given up', async (t) => {
  const server = await serve(t, (_, response) => response.writeHead(429, { 'retry-after': '0' }).end());
  const error = await t.throwsAsync(client(t).resolve(imageAt(server)), { instanceOf: RegistryError });
  t.is(error?.kind, 'unreachable');
  t.regex(error?.message ?? '', /HTTP 429: too many requests/);
  t.is(server.requests.length, 5);
});

test('one bad moment of a registry is passed over', async (t) => {
  const server = await serve(t, (request, response) => {
    if (server.requests.length === 1) response.writeHead(502).end();
    else if (server.requests.length === 2) response.destroy();
    else answerManifest(request, response);
  });
  const made = client(t);
  t.is((await made.resolve(imageAt(server))).digest, manifest.digest);
});

test('an idle connection that the registry has closed is no failure', async (t) => {
  const server = await serve(t, (request, response) => {
    if (server.requests.length === 2) request.socket.destroy();
    else answerManifest(request, response);
  });
  const made = client(t);
  await made.resolve(imageAt(server));
  t.is((await made.resolve(imageAt(server))).digest, manifest.digest);
});

test('nobody at the address is told as such', async (t) => {
  const error = await t.throwsAsync(client(t).resolve(imageAt({ host: '127.0.0.1:1' } as never)), {
    instanceOf: RegistryError,
  });
  t.is(error?.kind, 'unreachable');
  t.is(error?.registry, '127.0.0.1:1');
  t.regex(
    error?.message ?? '',
    /cannot pull 127\.0\.0\.1:1\/app:v1: cannot reach http:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/,
  );
});

test('a registry that takes the request and says nothing is told as unreachable', async (t) => {
  const server = await serve(t, () => undefined);
  const made = client(t, { stallTimeoutMs: 100 });
  const error = await t.throwsAsync(made.resolve(imageAt(server)), { instanceOf: RegistryError });
  t.is(error?.kind, 'unreachable');
  t.regex(error?.message ?? '', /no answer within 100 ms/);
});

test('an abort ends a request under way with its own reason', async (t) => {
  const stop = new AbortController();
  const server = await serve(t, () => stop.abort(new Error('shutting down')));
  await t.throwsAsync(client(t).resolve(imageAt(server), { signal: stop.signal }), { message: 'shutting down' });
});

test('an abort ends the wait for a registry that asked for patience', async (t) => {
  const stop = new AbortController();
  const server = await serve(t, (_, response) => {
    response.writeHead(429, { 'retry-after': '60' }).end();
    response.on('finish', () => setImmediate(() => stop.abort()));
  });
  await t.throwsAsync(client(t).resolve(imageAt(server), { signal: stop.signal }), { name: 'AbortError' });
});

test('a redirect to another host is followed without the credentials', async (t) => {
  const store = await serve(t, answerManifest);
  const server = await serve(t, (request, response) => {
    if (!request.headers.authorization) response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
    else response.writeHead(307, { location: `http://${store.host}/elsewhere?signed=1` }).end();
  });
  const password = { kind: 'password', username: 'tim', password: 'secret' } as const;
  const credentials = { where: 'file', lookup: () => Promise.resolve(password) };
  t.deepEqual(await client(t, { credentials }).fetchManifest(imageAt(server), manifest), manifestBody);
  t.deepEqual(store.lines(), ['GET /elsewhere?signed=1']);
  t.is(store.requests[0]?.headers.authorization, undefined);
  t.is(store.requests[0]?.headers['accept-encoding'], 'identity');
});

test('a redirect on the same host keeps the credentials', async (t) => {
  const server = await serve(t, (request, response) => {
    if (!request.headers.authorization) response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
    else if (request.url?.startsWith('/v2/')) response.writeHead(302, { location: '/moved' }).end();
    else answerManifest(request, response);
  });
  const password = { kind: 'password', username: 'tim', password: 'secret' } as const;
  const credentials = { where: 'file', lookup: () => Promise.resolve(password) };
  t.deepEqual(await client(t, { credentials }).fetchManifest(imageAt(server), manifest), manifestBody);
});

test('another host that asks for a login after a redirect gets none', async (t) => {
  const thief = await serve(t, (_, response) => {
    response.writeHead(401, { 'www-authenticate': 'Basic realm="give me"' }).end();
  });
  const server = await serve(t, (_, response) => response.writeHead(307, { location: `http://${thief.host}/` }).end());
  const password = { kind: 'password', username: 'tim', password: 'secret' } as const;
  const credentials = { where: 'file', lookup: () => Promise.resolve(password) };
  const made = client(t, { credentials });
  await t.throwsAsync(made.fetchManifest(imageAt(server), manifest), { message: /HTTP 401/ });
  t.deepEqual(
    thief.requests.map(({ headers }) => headers.authorization),
    [undefined],
  );
});

test('a circle of redirects ends', async (t) => {
  const server = await serve(t, (request, response) => response.writeHead(307, { location: request.url }).end());
  await t.throwsAsync(client(t).fetchManifest(imageAt(server), manifest), { message: /redirects more than 10 times/ });
});
