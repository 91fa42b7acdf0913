import test from 'ava';
import { parseReference, RegistryError } from '../../../src/registry/index.ts';
import { registryHosts } from '../../../src/registry/hosts.ts';
import { certificate, hostsDir } from './fixtures.ts';
import { recorder } from './recorder.ts';
import { answerManifest, client, digestOf, imageAt, manifestBody, manifestType, serve } from './server.ts';

const manifest = { mediaType: manifestType, digest: digestOf(manifestBody), size: manifestBody.length };

const urls = async (registry: string, folder?: string) =>
  (await registryHosts(registry, folder)).map(({ url }) => url.href);

test('without configuration a registry is asked itself, over HTTPS unless it is on this host', async (t) => {
  t.deepEqual(await urls('ghcr.io'), ['https://ghcr.io/v2']);
  t.deepEqual(await urls('docker.io'), ['https://registry-1.docker.io/v2']);
  t.deepEqual(await urls('localhost:5000'), ['http://localhost:5000/v2']);
  t.deepEqual(await urls('[::1]:5000', '/nowhere'), ['http://[::1]:5000/v2']);
  t.deepEqual(await urls('127.0.0.1:443'), ['https://127.0.0.1/v2']);
});

test('mirrors come in the order of the file, the server last', async (t) => {
  const toml = `
    server = "https://upstream.io"
    [host."https://z.io"]
    [host."http://10.0.0.1:5000/proxy"]
    [host."https://a.io/api/v2/"]
    override_path = true`;
  const folder = await hostsDir(t, { 'r.io/hosts.toml': toml });
  t.deepEqual(await urls('r.io', folder), [
    'https://z.io/v2',
    'http://10.0.0.1:5000/proxy/v2',
    'https://a.io/api/v2',
    'https://upstream.io/v2',
  ]);
});

test('a folder is found by host and port, in both spellings, or by default', async (t) => {
  const folder = await hostsDir(t, {
    'a.io_5000_/hosts.toml': '[host."https://underscore.io"]',
    'b.io:5000/hosts.toml': '[host."https://colon.io"]',
    '_default/hosts.toml': '[host."https://default.io"]',
  });
  t.is((await urls('a.io:5000', folder))[0], 'https://underscore.io/v2');
  t.is((await urls('b.io:5000', folder))[0], 'https://colon.io/v2');
  t.is((await urls('c.io', folder))[0], 'https://default.io/v2');
});

test('certificates, headers and timeouts are read beside the file', async (t) => {
  const toml = `
    ca = "ca.crt"
    dial_timeout = "1m0.5s"
    [host."https://m.io"]
    client = [["m.cert", "m.key"]]
    skip_verify = true
    [host."https://m.io".header]
    x-token = ["a", "b"]`;
  const files = { 'r.io/hosts.toml': toml, 'r.io/ca.crt': 'CA', 'r.io/m.cert': 'CERT', 'r.io/m.key': 'KEY' };
  const [mirror, server] = await registryHosts('r.io', await hostsDir(t, files));
  t.deepEqual(mirror?.tls, { cert: ['CERT'], key: ['KEY'], rejectUnauthorized: false });
  t.deepEqual(mirror?.headers, { 'x-token': ['a', 'b'] });
  t.deepEqual(server?.tls, { ca: ['CA'] });
  t.is(server?.connectTimeoutMs, 60_500);
});

test("a folder in Docker's layout is understood", async (t) => {
  const folder = await hostsDir(t, { 'r.io/ca.crt': 'CA', 'r.io/me.cert': 'CERT', 'r.io/me.key': 'KEY' });
  const [host] = await registryHosts('r.io', folder);
  t.deepEqual(host?.tls, { ca: ['CA'], cert: ['CERT'], key: ['KEY'] });
});

const wrong: [string, string, RegExp][] = [
  ['no TOML', '[host', /hosts\.toml is no TOML/],
  ['a wrong type', 'skip_verify = "yes"', /malformed: skip_verify: /],
  ['a missing certificate', 'ca = "gone.crt"', /cannot read .*gone\.crt/],
  ['a timeout without a unit', 'dial_timeout = "3"', /no duration such as 3s/],
  ['a timeout in which nothing connects', 'dial_timeout = "0s"', /no duration such as 3s/],
  ['an address that is none', '[host."ftp://m.io"]', /ftp:\/\/m\.io is no URL/],
];

for (const [what, toml, message] of wrong) {
  test(`${what} is told by file`, async (t) => {
    const folder = await hostsDir(t, { 'r.io/hosts.toml': toml });
    const error = await t.throwsAsync(registryHosts('r.io', folder), { instanceOf: RegistryError, message });
    t.is(error?.kind, 'configuration');
  });
}

test('a mirror is asked first, with the name of the registry that it stands for', async (t) => {
  const mirror = await serve(t, answerManifest);
  const toml = `[host."http://${mirror.host}"]\n[host."http://${mirror.host}".header]\nx-token = "secret"`;
  const folder = await hostsDir(t, { 'r.io/hosts.toml': toml });
  t.is((await client(t, { hostsDir: folder }).resolve(parseReference('r.io/app:v1'))).digest, manifest.digest);
  t.deepEqual(mirror.lines(), ['HEAD /v2/app/manifests/v1?ns=r.io']);
  t.is(mirror.requests[0]?.headers['x-token'], 'secret');
});

test('a mirror that fails is passed over, and said so', async (t) => {
  const mirror = await serve(t, (_, response) => response.writeHead(404).end());
  const server = await serve(t, answerManifest);
  const folder = await hostsDir(t, { [`${server.host}/hosts.toml`]: `[host."http://${mirror.host}"]` });
  const { log, lines } = recorder();
  t.is((await client(t, { hostsDir: folder, log }).resolve(imageAt(server))).digest, manifest.digest);
  t.is(mirror.requests.length, 1);
  t.true(lines.some((line) => line.includes('registry mirror failed') && line.includes(mirror.host)));
});

test('a mirror that may not resolve is asked for digests only', async (t) => {
  const mirror = await serve(t, answerManifest);
  const server = await serve(t, answerManifest);
  const toml = `[host."http://${mirror.host}"]\ncapabilities = ["pull"]`;
  const made = client(t, { hostsDir: await hostsDir(t, { [`${server.host}/hosts.toml`]: toml }) });
  await made.resolve(imageAt(server));
  t.deepEqual([mirror.requests.length, server.requests.length], [0, 1]);
  await made.fetchManifest(imageAt(server), manifest);
  t.deepEqual([mirror.requests.length, server.requests.length], [1, 1]);
});

test('where every host fails, the error of the one that got furthest counts', async (t) => {
  const mirror = await serve(t, (_, response) => response.writeHead(403).end());
  const folder = await hostsDir(t, { '127.0.0.1:1/hosts.toml': `[host."http://${mirror.host}"]` });
  const error = await t.throwsAsync(client(t, { hostsDir: folder }).resolve(parseReference('127.0.0.1:1/app:v1')), {
    instanceOf: RegistryError,
  });
  t.is(error?.kind, 'denied');
  t.true(error?.message.includes(`mirror ${mirror.host}`));
});

test('a certificate of its own is trusted when hosts.toml names its authority', async (t) => {
  const pair = await certificate(t);
  const server = await serve(t, answerManifest, pair);
  const toml = `server = "https://${server.host}"\nca = "ca.crt"`;
  const folder = await hostsDir(t, { [`${server.host}/hosts.toml`]: toml, [`${server.host}/ca.crt`]: pair.cert });
  t.is((await client(t, { hostsDir: folder }).resolve(imageAt(server))).digest, manifest.digest);
});

test('an unknown certificate is refused, saying what to do, and accepted with skip_verify', async (t) => {
  const server = await serve(t, answerManifest, await certificate(t));
  const path = `${server.host}/hosts.toml`;
  const strict = await hostsDir(t, { [path]: `server = "https://${server.host}"` });
  const error = await t.throwsAsync(client(t, { hostsDir: strict }).resolve(imageAt(server)), {
    instanceOf: RegistryError,
  });
  t.is(error?.kind, 'unreachable');
  t.regex(error?.message ?? '', /name its certificate authority in hosts\.toml/);
  const lax = await hostsDir(t, { [path]: `server = "https://${server.host}"\nskip_verify = true` });
  t.is((await client(t, { hostsDir: lax }).resolve(imageAt(server))).digest, manifest.digest);
});
