import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { dockerConfigCredentials, dockerConfigLogins, RegistryError } from '../../../src/registry/index.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

async function configured(t: ExecutionContext, config: unknown) {
  const folder = await mkdtemp(join(tmpdir(), 'berth-credentials-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const file = join(folder, 'config.json');
  const write = (content: unknown) => writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  if (config !== undefined) await write(config);
  const helper = async (name: string, script: string) => {
    await writeFile(join(folder, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, `docker-credential-${name}`), 0o755);
  };
  const store = dockerConfigCredentials({ file, env: { PATH: `${folder}:/usr/bin:/bin` } });
  return { store, write, helper, folder };
}

test('a login is found by registry', async (t) => {
  const { store } = await configured(t, { auths: { 'r.io:5000': { auth: base64('tim:pass:word') } } });
  t.deepEqual(await store.lookup('r.io:5000'), { kind: 'password', username: 'tim', password: 'pass:word' });
  t.is(await store.lookup('r.io'), undefined);
});

test("Docker Hub's login is found under its old key", async (t) => {
  const { store } = await configured(t, {
    auths: { 'https://index.docker.io/v1/': { auth: base64('tim:secret\0\0') } },
  });
  t.deepEqual(await store.lookup('docker.io'), { kind: 'password', username: 'tim', password: 'secret' });
});

test('keys may be URLs', async (t) => {
  const { store } = await configured(t, { auths: { 'https://r.io/v2/': { username: 'tim', password: 'x' } } });
  t.deepEqual(await store.lookup('r.io'), { kind: 'password', username: 'tim', password: 'x' });
});

test('identity and registry tokens are told from passwords', async (t) => {
  const auths = { 'a.io': { auth: base64('tim:'), identitytoken: 'one' }, 'b.io': { registrytoken: 'two' } };
  const { store } = await configured(t, { auths });
  t.deepEqual(await store.lookup('a.io'), { kind: 'identity-token', token: 'one' });
  t.deepEqual(await store.lookup('b.io'), { kind: 'registry-token', token: 'two' });
});

test('no file, an empty file and an entry without a login mean none', async (t) => {
  t.is(await (await configured(t, undefined)).store.lookup('r.io'), undefined);
  t.is(await (await configured(t, '')).store.lookup('r.io'), undefined);
  t.is(await (await configured(t, { auths: { 'r.io': {} } })).store.lookup('r.io'), undefined);
});

test('a login made later counts without a restart', async (t) => {
  const { store, write } = await configured(t, undefined);
  t.is(await store.lookup('r.io'), undefined);
  await write({ auths: { 'r.io': { auth: base64('tim:new') } } });
  t.like(await store.lookup('r.io'), { password: 'new' });
});

test("a registry's own helper is asked with its host", async (t) => {
  const { store, helper } = await configured(t, { credHelpers: { 'r.io': 'own' }, credsStore: 'all' });
  await helper('own', `read host; [ "$1" = get ] && echo "{\\"Username\\":\\"$host\\",\\"Secret\\":\\"s\\"}"`);
  await helper('all', `echo '{"Username":"<token>","Secret":"identity"}'`);
  t.deepEqual(await store.lookup('r.io'), { kind: 'password', username: 'r.io', password: 's' });
  t.deepEqual(await store.lookup('other.io'), { kind: 'identity-token', token: 'identity' });
});

test("a helper's none is final", async (t) => {
  const { store, helper } = await configured(t, { auths: { 'r.io': { auth: base64('a:b') } }, credsStore: 'none' });
  await helper('none', 'echo "credentials not found in native keychain"; exit 1');
  t.is(await store.lookup('r.io'), undefined);
});

test('a helper that fails or is missing is named', async (t) => {
  const { store, helper } = await configured(t, { credHelpers: { 'a.io': 'broken', 'b.io': 'missing' } });
  await helper('broken', 'echo "keychain is locked"; exit 1');
  await t.throwsAsync(store.lookup('a.io'), { message: /docker-credential-broken .*a\.io: keychain is locked/ });
  await t.throwsAsync(store.lookup('b.io'), { message: /docker-credential-missing/ });
});

const wrong: [string, unknown, RegExp][] = [
  ['no JSON', '{"auths": {"r.io": {"auth": "c2VjcmV0', /is not JSON/],
  [
    'the wrong shape',
    { auths: { 'r.io': { password: { secret: 'c2VjcmV0' } } } },
    /no docker config\.json: auths\.r\.io\.password: /,
  ],
  ['an auth without a colon', { auths: { 'r.io': { auth: base64('secret') } } }, /not base64 of USER:PASSWORD/],
  ['an auth without a user', { auths: { 'r.io': { auth: base64(':secret') } } }, /not base64 of USER:PASSWORD/],
];

for (const [what, config, message] of wrong) {
  test(`${what} is an error that names the file and no secret`, async (t) => {
    const { store, folder } = await configured(t, config);
    const error = await t.throwsAsync(store.lookup('r.io'), { instanceOf: RegistryError, message });
    t.is(error?.kind, 'configuration');
    t.true(error?.message.includes(folder));
    t.notRegex(`${error?.message} ${String(error?.cause)}`, /c2VjcmV0|"secret"/);
  });
}

test('logins of a config.json that a user gave are found by registry, and no helper is run for it', async (t) => {
  const read = (config: unknown) => dockerConfigLogins(Buffer.from(JSON.stringify(config)), 'secret hub');
  const own = read({
    auths: { 'r.io': { auth: base64('tim:secret') }, 'https://index.docker.io/v1/': { username: 'a' } },
  });
  t.deepEqual(await own.lookup('r.io'), { kind: 'password', username: 'tim', password: 'secret' });
  t.deepEqual(await own.lookup('docker.io'), { kind: 'password', username: 'a', password: '' });
  t.is(await own.lookup('other.io'), undefined);
  for (const config of [{ auths: {}, credsStore: 'pass' }, { credHelpers: { 'r.io': 'pass' } }]) {
    t.throws(() => read(config), { message: /^secret hub names a credential helper/ });
  }
  t.throws(() => read({}), { message: /^secret hub has no auths/ });
  t.throws(() => read({ auths: { 'r.io': { auth: base64('tim') } } }), { message: /secret hub: the auth of r\.io/ });
  t.throws(() => dockerConfigLogins(Buffer.from('secret'), 'secret hub'), { message: /^secret hub is not JSON/ });
});
