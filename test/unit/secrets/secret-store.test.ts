import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { SecretError, SecretStore } from '../../../src/secrets/index.ts';

async function startStore() {
  const root = await mkdtemp(join(tmpdir(), 'secrets-'));
  const dir = join(root, 'data', 'secrets');
  const store = new SecretStore({ dir });
  await store.start();
  return { root, dir, store, [Symbol.asyncDispose]: () => rm(root, { recursive: true }) };
}

async function kindOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'no error';
  } catch (error) {
    return error instanceof SecretError ? error.kind : String(error);
  }
}

test('any bytes come back as they were written', async (t) => {
  await using at = await startStore();
  const value = Buffer.from([0, 10, 13, 255, 254, 32, 10, 0]);
  await at.store.create('openfaas-fn', 'binary', value);
  await at.store.create('openfaas-fn', 'empty', Buffer.alloc(0));
  t.deepEqual(await at.store.read('openfaas-fn', 'binary'), value);
  t.deepEqual(await at.store.read('openfaas-fn', 'empty'), Buffer.alloc(0));
});

test('files are 0600 and folders 0700', async (t) => {
  await using at = await startStore();
  await at.store.create('dev', 'api-key', Buffer.from('x'));
  await at.store.update('dev', 'api-key', Buffer.from('y'));
  const modes = await Promise.all(
    ['', 'dev', 'dev/api-key'].map(async (path) => (await stat(join(at.dir, path))).mode & 0o777),
  );
  t.deepEqual(modes, [0o700, 0o700, 0o600]);
});

test('a folder restored with open permissions is private after start', async (t) => {
  await using at = await startStore();
  const dir = join(at.root, 'restored');
  await mkdir(dir, { mode: 0o755 });
  await new SecretStore({ dir }).start();
  t.is((await stat(dir)).mode & 0o777, 0o700);
});

test('each namespace lists its own secrets, sorted', async (t) => {
  await using at = await startStore();
  for (const name of ['b', 'a', 'c.d']) await at.store.create('one', name, Buffer.from(name));
  await at.store.create('two', 'z', Buffer.from('z'));
  t.deepEqual(await at.store.list('one'), [
    { name: 'a', namespace: 'one' },
    { name: 'b', namespace: 'one' },
    { name: 'c.d', namespace: 'one' },
  ]);
  t.deepEqual(await at.store.list('none'), []);
});

test('creating a secret twice, or by two callers at once, succeeds once', async (t) => {
  await using at = await startStore();
  const kinds = await Promise.all(
    ['1', '2', '3'].map((value) => kindOf(at.store.create('dev', 'key', Buffer.from(value)))),
  );
  t.deepEqual(kinds.sort(), ['exists', 'exists', 'no error']);
  t.is(await kindOf(at.store.create('dev', 'key', Buffer.from('4'))), 'exists');
});

test('reading, changing and removing a secret that is not there answers not-found', async (t) => {
  await using at = await startStore();
  await at.store.create('dev', 'other', Buffer.from('x'));
  for (const namespace of ['dev', 'missing']) {
    t.is(await kindOf(at.store.read(namespace, 'key')), 'not-found');
    t.is(await kindOf(at.store.update(namespace, 'key', Buffer.from('x'))), 'not-found');
    t.is(await kindOf(at.store.remove(namespace, 'key')), 'not-found');
    t.false(await at.store.has(namespace, 'key'));
  }
});

test('a removed secret is gone', async (t) => {
  await using at = await startStore();
  await at.store.create('dev', 'key', Buffer.from('x'));
  await at.store.remove('dev', 'key');
  t.false(await at.store.has('dev', 'key'));
  t.deepEqual(await readdir(join(at.dir, 'dev')), []);
});

const unsafeNames = [
  '',
  '.',
  '..',
  '../x',
  'a/b',
  '/etc/passwd',
  '.hidden',
  'a..b',
  'a\0b',
  'a\nb',
  'ü',
  'x'.repeat(254),
];

for (const name of unsafeNames) {
  test(`${JSON.stringify(name.slice(0, 20))} names neither a secret nor a namespace`, async (t) => {
    await using at = await startStore();
    const { store } = at;
    const value = Buffer.from('x');
    for (const [namespace, secret] of [
      ['dev', name],
      [name, 'key'],
    ] as const) {
      t.is(await kindOf(store.create(namespace, secret, value)), 'invalid-name');
      t.is(await kindOf(store.update(namespace, secret, value)), 'invalid-name');
      t.is(await kindOf(store.read(namespace, secret)), 'invalid-name');
      t.is(await kindOf(store.remove(namespace, secret)), 'invalid-name');
    }
    t.is(await kindOf(store.list(name)), 'invalid-name');
  });
}

test('the longest name works', async (t) => {
  await using at = await startStore();
  const name = `a.${'x'.repeat(251)}`;
  await at.store.create('dev', name, Buffer.from('x'));
  await at.store.update('dev', name, Buffer.from('y'));
  t.deepEqual(await at.store.read('dev', name), Buffer.from('y'));
});

test('what a crash left half written is never listed and is gone after the next start', async (t) => {
  await using at = await startStore();
  await at.store.create('dev', 'key', Buffer.from('x'));
  await writeFile(join(at.dir, 'dev', '.tmp-0011223344556677'), 'half');
  t.deepEqual(await at.store.list('dev'), [{ name: 'key', namespace: 'dev' }]);
  await new SecretStore({ dir: at.dir }).start();
  t.deepEqual(await readdir(join(at.dir, 'dev')), ['key']);
});

test('symbolic links are not followed, neither as a secret nor as a namespace', async (t) => {
  await using at = await startStore();
  const outside = join(at.root, 'outside');
  await mkdir(outside);
  await writeFile(join(outside, 'key'), 'not a secret');
  await mkdir(join(at.dir, 'dev'));
  await symlink(join(outside, 'key'), join(at.dir, 'dev', 'key'));
  await symlink(outside, join(at.dir, 'linked'));
  t.deepEqual(await at.store.list('dev'), []);
  t.deepEqual(await at.store.list('linked'), []);
  for (const namespace of ['dev', 'linked']) {
    t.is(await kindOf(at.store.read(namespace, 'key')), 'not-found');
    t.is(await kindOf(at.store.update(namespace, 'key', Buffer.from('x'))), 'not-found');
    t.is(await kindOf(at.store.remove(namespace, 'key')), 'not-found');
  }
  t.is(await kindOf(at.store.create('dev', 'key', Buffer.from('x'))), 'exists');
  t.is(await kindOf(at.store.create('linked', 'new', Buffer.from('x'))), 'invalid-name');
  t.deepEqual(await readdir(outside), ['key']);
  t.is(await readFile(join(outside, 'key'), 'utf8'), 'not a secret');
});

test('no error holds a value', async (t) => {
  await using at = await startStore();
  await at.store.create('dev', 'key', Buffer.from('hunter2'));
  const error = await t.throwsAsync(at.store.create('dev', 'key', Buffer.from('hunter2')));
  t.false(JSON.stringify([error.message, error.stack, String(error.cause)]).includes('hunter2'));
});
