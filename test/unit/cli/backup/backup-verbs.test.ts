import { lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { packBackup, unpackBackup, type Backup } from '../../../../src/cli/backup/backup-archive.ts';
import { seal } from '../../../../src/cli/backup/sealed.ts';
import { readTar } from '../../../../src/cli/backup/tar-archive.ts';
import { run } from '../../../helpers/processes.ts';
import { runVerb } from '../run-verb.ts';

const record = (name: string, image: string, imageDigest?: string) => {
  const deployment = { name, namespace: 'openfaas-fn', image, secrets: ['key'] };
  const current = { id: 'a1', deployment, imageDigest, createdAt: '2026-01-01T00:00:00Z' };
  return `${JSON.stringify({ schema: 1, current, replicas: 1, asleep: false, file: { path: '/a.yml', digest: 'b' } })}\n`;
};

/** A folder with all that a host has of berth, and no daemon. */
async function hostWith(t: ExecutionContext, files: Record<string, string | Buffer> = {}) {
  const root = await mkdtemp(join(tmpdir(), 'host-'));
  t.teardown(() => rm(root, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), content, { mode: 0o600 });
  }
  const env = {
    berth_env_file: join(root, 'etc/berth.env'),
    data_dir: join(root, 'data'),
    secret_mount_path: join(root, 'etc/auth'),
    docker_config: join(root, 'etc/docker/config.json'),
    functions_dir: join(root, 'etc/functions.d'),
    hosts_dir: join(root, 'certs.d'),
    port: '1',
    bind: '127.0.0.1',
  };
  return {
    root,
    berth: (...args: string[]) => runVerb(args, env),
    text: (name: string) => readFile(join(root, name), 'utf8'),
    all: async () => {
      const entries = await readdir(root, { recursive: true, withFileTypes: true });
      const paths = entries
        .filter((entry) => entry.isFile() && entry.name !== 'lock')
        .map((entry) => join(entry.parentPath, entry.name));
      return Object.fromEntries(
        await Promise.all(paths.sort().map(async (path) => [path, await readFile(path, 'utf8')] as const)),
      );
    },
  };
}

const full = {
  'data/functions/openfaas-fn/a.json': record('a', 'x:1', 'sha256:1'),
  'data/functions/openfaas-fn/.tmp-1': 'half',
  'data/functions/openfaas-fn/b.json': record('b', 'x:1'),
  'data/namespaces/dev.json': '{"schema":1,"labels":{"team":"a"},"annotations":{}}\n',
  'data/secrets/openfaas-fn/key': Buffer.from([0, 1, 255]),
  'data/counts.json': '{}',
  'etc/berth.env': 'log_level=debug\nport=1234\n',
  'etc/auth/basic-auth-user': 'admin',
  'etc/auth/basic-auth-password': 'of before',
  'etc/docker/config.json': '{"auths":{}}',
  'etc/functions.d/a.yml': 'functions: {}\n',
  'etc/functions.d/.hidden.yml': 'x',
  'certs.d/ghcr.io/hosts.toml': 'server = "https://ghcr.io"\n',
};

const fresh = {
  'etc/berth.env': '# what berth says\n#log_level=info\nport=9\n',
  'etc/auth/basic-auth-user': 'admin',
  'etc/auth/basic-auth-password': 'made by the installer',
};

test('what a host has is on a new host after backup and restore, and that keeps its address', async (t) => {
  const [from, to] = [await hostWith(t, full), await hostWith(t, fresh)];
  const file = join(from.root, 'backup');
  const { code, stdout } = await from.berth('backup', file);
  t.is(code, 0);
  t.is(stdout, `2 functions, 1 namespaces, 1 secrets and the settings are in ${file}\n`);
  t.is((await stat(file)).mode & 0o777, 0o600);
  const restored = await to.berth('restore', file);
  t.deepEqual([restored.code, restored.stderr], [0, '']);
  t.true(restored.stdout.includes(`replaced: ${join(to.root, 'etc/auth/basic-auth-password')}\n`));
  const expected = Object.entries(full).filter(([name]) => !/berth\.env|\/\.|counts/.test(name));
  for (const [name, content] of expected) t.deepEqual(await readFile(join(to.root, name)), Buffer.from(content), name);
  t.is(await to.text('etc/berth.env'), '# what berth says\nlog_level=debug\nport=9\n');
  t.is(Object.keys(await to.all()).length, expected.length + 1);
  t.is((await stat(join(to.root, 'data/secrets/openfaas-fn'))).mode & 0o777, 0o700);
  t.is((await stat(join(to.root, 'data/secrets/openfaas-fn/key'))).mode & 0o777, 0o600);
  t.deepEqual(
    (await to.berth('restore', file)).stdout,
    '2 functions, 1 namespaces, 1 secrets and the settings are restored\n',
  );
  t.regex((await to.berth('restore', file, '--host-settings')).stdout, /are restored/);
  t.regex(await to.text('etc/berth.env'), /^port=1234$/m);
});

test('what a host has of its own is replaced with --force alone, and it is said what that is', async (t) => {
  const from = await hostWith(t, full);
  const own = {
    ...fresh,
    'data/functions/openfaas-fn/a.json': record('a', 'own:1'),
    'data/functions/openfaas-fn/c.json': record('c', 'x'),
  };
  const to = await hostWith(t, own);
  const file = join(from.root, 'backup');
  await from.berth('backup', file);
  const before = await to.all();
  const refused = await to.berth('restore', file);
  t.is(refused.code, 1);
  t.is(
    refused.stderr,
    [
      `would be replaced: ${join(to.root, 'data/functions/openfaas-fn/a.json')}\n`,
      `would be replaced: ${join(to.root, 'etc/auth/basic-auth-password')}\n`,
      'berth restore: nothing was restored, as this host has its own: --force replaces it\n',
    ].join(''),
  );
  t.deepEqual(await to.all(), before);
  t.is((await to.berth('restore', file, '--dry-run')).code, 0);
  t.deepEqual(await to.all(), before);
  t.is((await to.berth('restore', file, '--force')).code, 0);
  t.is(await to.text('data/functions/openfaas-fn/a.json'), full['data/functions/openfaas-fn/a.json']);
  t.is(await to.text('data/functions/openfaas-fn/c.json'), own['data/functions/openfaas-fn/c.json']);
});

test('with a passphrase nothing can be read of it, and without it nothing is restored', async (t) => {
  const [from, to] = [
    await hostWith(t, { ...full, key: 'the passphrase\nmore', wrong: 'another\n', empty: '\n' }),
    await hostWith(t, fresh),
  ];
  const [file, key] = [join(from.root, 'backup'), join(from.root, 'key')];
  t.is((await from.berth('backup', file, '--passphrase-file', key)).code, 0);
  t.is((await readFile(file)).subarray(0, 8).toString(), 'Salted__');
  const before = await to.all();
  t.regex((await to.berth('restore', file)).stderr, /no terminal to ask for the passphrase/);
  t.regex(
    (await to.berth('restore', file, '--passphrase-file', join(from.root, 'wrong'))).stderr,
    /passphrase is wrong/,
  );
  t.regex((await to.berth('restore', file, '--passphrase-file', join(from.root, 'no'))).stderr, /cannot be read/);
  t.regex(
    (await from.berth('backup', file, '--passphrase-file', join(from.root, 'empty'))).stderr,
    /passphrase is empty/,
  );
  t.deepEqual(await to.all(), before);
  t.is((await to.berth('restore', file, '--passphrase-file', key)).code, 0);
  t.is(await to.text('etc/auth/basic-auth-password'), 'of before');
});

const hostile: [title: string, name: string, content: string, said: RegExp][] = [
  ['a path that leads out', '../../etc/passwd', 'x', /a file that no backup has: "\.\.\/\.\.\/etc\/passwd"/],
  ['a path that leads out inside', 'data/secrets/../../x', 'x', /a file that no backup has/],
  ['a path from the root', '/etc/passwd', 'x', /a file that no backup has/],
  ['a folder of another kind', 'data/other/x', 'x', /a file that no backup has/],
  ['a hidden file', 'settings/functions.d/.x.yml', 'x', /a file that no backup has/],
  ['a folder in functions.d', 'settings/functions.d/a/b.yml', 'x', /a file that no backup has/],
  ['a function that is none', 'data/functions/openfaas-fn/b.json', '{}', /b\.json in it cannot be a function/],
  ['a function of another name', 'data/functions/dev/a.json', record('a', 'x'), /it is of another function/],
];

for (const [title, name, content, said] of hostile) {
  test(`a hostile backup is refused, and nothing is done: ${title}`, async (t) => {
    const [from, to] = [await hostWith(t, full), await hostWith(t, fresh)];
    const file = join(from.root, 'backup');
    await from.berth('backup', file);
    const { about, files } = await unpackBackup(await readFile(file));
    const more = { name, mode: 0o4777, content: Buffer.from(content) };
    await writeFile(file, await packBackup({ about, files: [...files.filter((each) => each.name !== name), more] }));
    const before = await to.all();
    const { code, stderr } = await to.berth('restore', file);
    t.is(code, 1);
    t.regex(stderr, said);
    t.deepEqual(await to.all(), before);
  });
}

test('a backup that is cut off, damaged or none is refused, and nothing is done', async (t) => {
  const [from, to] = [await hostWith(t, full), await hostWith(t, fresh)];
  const file = join(from.root, 'backup');
  await from.berth('backup', file);
  const whole = await readFile(file);
  const before = await to.all();
  const archive = gunzipSync(whole);
  const at = archive.indexOf('"team"');
  const tampered = Buffer.from(archive);
  tampered.write('"TEAM"', at);
  for (const content of [
    whole.subarray(0, -9),
    whole.subarray(0, 40),
    Buffer.alloc(0),
    Buffer.from('no'),
    gzipSync(tampered),
  ]) {
    await writeFile(file, content);
    const { code, stderr } = await to.berth('restore', file);
    t.is(code, 1);
    t.regex(stderr, /^berth restore: nothing was restored: /);
  }
  t.regex((await to.berth('restore', join(from.root, 'absent'))).stderr, /nothing was restored: .*absent/);
  t.deepEqual(await to.all(), before);
});

test('of another architecture images are looked up again by their tags', async (t) => {
  const [from, to] = [await hostWith(t, full), await hostWith(t, fresh)];
  const file = join(from.root, 'backup');
  await from.berth('backup', file);
  const { about, files } = await unpackBackup(await readFile(file));
  const other: Backup['about'] = { ...about, arch: process.arch === 'arm64' ? 'x64' : 'arm64' };
  await writeFile(file, await packBackup({ about: other, files }));
  const { stderr } = await to.berth('restore', file);
  t.regex(stderr, /images are looked up by their tags again/);
  t.notRegex(await to.text('data/functions/openfaas-fn/a.json'), /imageDigest/);
});

test('where one file cannot be written, none is', async (t) => {
  const [from, to] = [await hostWith(t, full), await hostWith(t, fresh)];
  const file = join(from.root, 'backup');
  await from.berth('backup', file);
  await writeFile(join(to.root, 'certs.d'), 'a file where a folder should be');
  const before = await to.all();
  t.is((await to.berth('restore', file)).code, 1);
  t.deepEqual(await to.all(), before);
});

test('a backup is of one moment, while a daemon writes', async (t) => {
  const from = await hostWith(t, full);
  const file = join(from.root, 'backup');
  let [isOver, round] = [false, 0];
  const writing = (async () => {
    while (!isOver && round < 8) {
      round += 1;
      // Together these two say the same number, but for the moment between.
      for (const name of ['a', 'b']) {
        await writeFile(join(from.root, `data/functions/openfaas-fn/${name}.json`), record(name, `x:${round}`));
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    }
  })();
  t.is((await from.berth('backup', file)).code, 0);
  isOver = true;
  await writing;
  const archived = readTar(gunzipSync(await readFile(file)));
  const roundOf = (name: string) => {
    const content = archived
      .find((file) => file.name === `data/functions/openfaas-fn/${name}.json`)
      ?.content.toString();
    return Number(/"x:(\d+)"/.exec(content ?? '')?.[1]);
  };
  t.true([roundOf('b'), roundOf('b') + 1].includes(roundOf('a')));
  const again = await from.berth('backup', file, '--json');
  t.like(JSON.parse(again.stdout), { file, functions: 2, namespaces: 1, secrets: 1 });
});

test('wrong usage, and a folder that is not there', async (t) => {
  const from = await hostWith(t, full);
  t.is((await from.berth('backup')).code, 2);
  t.is((await from.berth('restore', 'a', 'b')).code, 2);
  const { code, stderr } = await from.berth('backup', join(from.root, 'no/such/folder'));
  t.is(code, 1);
  t.regex(stderr, /ENOENT/);
});

test('files that links of functions.d lead to are in a backup, and links stay what they are', async (t) => {
  const [from, to] = [await hostWith(t, { ...full, 'repo/b.yml': 'functions: {}\n' }), await hostWith(t, fresh)];
  const link = join(from.root, 'etc/functions.d/b.yml');
  await symlink('../../repo/b.yml', link);
  // Neither leads to a file, nor are secrets ever links.
  await symlink('../../repo', join(from.root, 'etc/functions.d/c.yml'));
  await symlink('../../repo/gone', join(from.root, 'etc/functions.d/d.yml'));
  await symlink('../../../repo/b.yml', join(from.root, 'data/secrets/openfaas-fn/linked'));
  const file = join(from.root, 'backup');
  t.is((await from.berth('backup', file)).code, 0);
  const { files } = await unpackBackup(await readFile(file));
  const names = files.map(({ name }) => name).filter((name) => /functions\.d|secrets/.test(name));
  t.deepEqual(names, ['data/secrets/openfaas-fn/key', 'settings/functions.d/a.yml', 'settings/functions.d/b.yml']);
  t.is((await to.berth('restore', file)).code, 0);
  t.is(await to.text('etc/functions.d/b.yml'), 'functions: {}\n');
  await writeFile(join(from.root, 'repo/b.yml'), 'functions: {changed: {}}\n');
  t.is((await from.berth('restore', file, '--force')).code, 0);
  t.true((await lstat(link)).isSymbolicLink());
  t.is(await from.text('repo/b.yml'), 'functions: {}\n');
});

test('a backup takes the place of no device, pipe or folder', async (t) => {
  const from = await hostWith(t, full);
  const pipe = join(from.root, 'pipe');
  await run('mkfifo', [pipe]);
  for (const file of [pipe, from.root]) {
    const { code, stderr } = await from.berth('backup', file);
    t.is(code, 2);
    t.regex(stderr, /is a folder or a device: name a file/);
  }
  t.true((await stat(pipe)).isFIFO());
});

test('a wrong passphrase that opens a backup by chance is called wrong', async (t) => {
  const to = await hostWith(t, { ...fresh, key: 'words\n', backup: await seal(Buffer.from('noise'), 'words') });
  const { stderr } = await to.berth('restore', join(to.root, 'backup'), '--passphrase-file', join(to.root, 'key'));
  t.regex(stderr, /the passphrase is wrong, or it is damaged/);
});
