import type { ServerOptions } from 'node:https';
import test, { type ExecutionContext } from 'ava';
import { RegistryError, type Descriptor } from '../../../src/registry/index.ts';
import { certificate, hostsDir } from './fixtures.ts';
import { answerJson, answerManifest, client, digestOf, imageAt, manifestBody, manifestType, serve } from './server.ts';

const manifest: Descriptor = { mediaType: manifestType, digest: digestOf(manifestBody), size: manifestBody.length };

/** A registry and its token server on two ports, each with a certificate of an authority of its own. */
async function withTokenServer(t: ExecutionContext, tls: ServerOptions, tokenTls: ServerOptions) {
  const tokens = await serve(t, (_, response) => answerJson(response, 200, { token: 'one' }), tokenTls);
  const registry = await serve(
    t,
    (request, response) => {
      if (request.headers.authorization === 'Bearer one') return answerManifest(request, response);
      answerJson(response, 401, {}, { 'www-authenticate': `Bearer realm="https://${tokens.host}/token"` });
    },
    tls,
  );
  return { registry, tokens, folderOf: (port: number) => `127.0.0.1_${port}_` };
}

test('the authorities that hosts.toml names for a registry hold for its token server on another port', async (t) => {
  const [own, others] = [await certificate(t), await certificate(t)];
  const { registry, folderOf } = await withTokenServer(t, own, others);
  const folder = await hostsDir(t, {
    [`${folderOf(registry.port)}/hosts.toml`]: `server = "https://${registry.host}"\nca = ["a.crt", "b.crt"]`,
    [`${folderOf(registry.port)}/a.crt`]: own.cert,
    [`${folderOf(registry.port)}/b.crt`]: others.cert,
  });
  t.is((await client(t, { hostsDir: folder }).resolve(imageAt(registry))).digest, manifest.digest);
});

test('a token server has a folder of its own for its authority, as a registry has', async (t) => {
  const [own, others] = [await certificate(t), await certificate(t)];
  const { registry, tokens, folderOf } = await withTokenServer(t, own, others);
  const folder = await hostsDir(t, {
    [`${folderOf(registry.port)}/hosts.toml`]: `server = "https://${registry.host}"\nca = "a.crt"`,
    [`${folderOf(registry.port)}/a.crt`]: own.cert,
    [`${folderOf(tokens.port)}/ca.crt`]: others.cert,
  });
  t.is((await client(t, { hostsDir: folder }).resolve(imageAt(registry))).digest, manifest.digest);
});

test('a token server whose authority nobody named is refused, with what to do', async (t) => {
  const [own, others] = [await certificate(t), await certificate(t)];
  const { registry, tokens, folderOf } = await withTokenServer(t, own, others);
  const folder = await hostsDir(t, {
    [`${folderOf(registry.port)}/hosts.toml`]: `server = "https://${registry.host}"\nca = "a.crt"`,
    [`${folderOf(registry.port)}/a.crt`]: own.cert,
  });
  const error = await t.throwsAsync(client(t, { hostsDir: folder }).resolve(imageAt(registry)), {
    instanceOf: RegistryError,
  });
  t.regex(error?.message ?? '', /cannot reach https:.*name its certificate authority in hosts\.toml/);
  t.deepEqual(tokens.lines(), []);
});

test('blobs that a registry keeps elsewhere are read under its authorities, without its login', async (t) => {
  const own = await certificate(t);
  const store = await serve(t, answerManifest, own);
  const registry = await serve(
    t,
    (_, response) => response.writeHead(307, { location: `https://${store.host}/blob` }).end(),
    own,
  );
  const name = `127.0.0.1_${registry.port}_`;
  const folder = await hostsDir(t, {
    [`${name}/hosts.toml`]: `server = "https://${registry.host}"\nca = "a.crt"\n[header]\nx-key = "k"`,
    [`${name}/a.crt`]: own.cert,
  });
  t.deepEqual(await client(t, { hostsDir: folder }).fetchManifest(imageAt(registry), manifest), manifestBody);
  t.is(store.requests[0]?.headers['x-key'], undefined);
});

test("a client's certificate goes to no other host than the registry that it is for", async (t) => {
  const own = await certificate(t);
  const ask = { ...own, requestCert: true, rejectUnauthorized: false };
  const shown: boolean[] = [];
  const store = await serve(
    t,
    (request, response) => {
      const { socket } = request as { socket: { getPeerCertificate?: () => object } };
      shown.push(Object.keys(socket.getPeerCertificate?.() ?? {}).length > 0);
      answerManifest(request, response);
    },
    ask,
  );
  const registry = await serve(
    t,
    (_, response) => response.writeHead(307, { location: `https://localhost:${store.port}/blob` }).end(),
    ask,
  );
  const name = `127.0.0.1_${registry.port}_`;
  const folder = await hostsDir(t, {
    [`${name}/hosts.toml`]: `server = "https://${registry.host}"\nca = "a.crt"\nclient = [["a.crt", "a.key"]]`,
    [`${name}/a.crt`]: own.cert,
    [`${name}/a.key`]: own.key,
  });
  await client(t, { hostsDir: folder }).fetchManifest(imageAt(registry), manifest);
  t.deepEqual(shown, [false]);
});
