import { spawnSync } from 'node:child_process';
import { mkdtemp, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import { createLog } from '../../../src/base/log.ts';
import { ReplicaSecrets } from '../../../src/secrets/index.ts';

async function startReplicaSecrets(parent = '/dev/shm') {
  const runDir = await mkdtemp(join(parent, 'run-'));
  const lines: string[] = [];
  const secrets = new ReplicaSecrets({ runDir, log: createLog({ write: (line) => lines.push(line) }) });
  await secrets.start();
  return { runDir, lines, secrets, [Symbol.asyncDispose]: () => rm(runDir, { recursive: true }) };
}

const ourselves = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

test('a replica gets exact copies, 0400 in a 0500 folder, under a 0700 one', async (t) => {
  await using at = await startReplicaSecrets();
  const value = Buffer.from([0, 10, 255]);
  const folder = await at.secrets.prepare('r1', () => Promise.resolve([{ name: 'key', value }]), ourselves);
  t.is(folder, join(at.runDir, 'secrets', 'r1'));
  t.deepEqual(await readFile(join(folder, 'key')), value);
  const modes = await Promise.all(
    [at.runDir + '/secrets', folder, join(folder, 'key')].map(async (path) => (await stat(path)).mode),
  );
  t.deepEqual(
    modes.map((mode) => mode & 0o777),
    [0o700, 0o500, 0o400],
  );
});

test('preparing again replaces the copies', async (t) => {
  await using at = await startReplicaSecrets();
  await at.secrets.prepare('r1', () => Promise.resolve([{ name: 'old', value: Buffer.from('1') }]), ourselves);
  const folder = await at.secrets.prepare(
    'r1',
    () => Promise.resolve([{ name: 'new', value: Buffer.from('2') }]),
    ourselves,
  );
  t.deepEqual(await readdir(folder), ['new']);
});

test('a refresh replaces what has changed in one step, and keeps mode, owner and folder', async (t) => {
  await using at = await startReplicaSecrets();
  const files = ['a', 'b', 'c'].map((name) => ({ name, value: Buffer.from(`old ${name}`) }));
  const folder = await at.secrets.prepare('r1', () => Promise.resolve(files), { uid: 1234, gid: 5678 });
  const paths = files.map(({ name }) => join(folder, name));
  await using reader = await open(join(folder, 'b'));
  const before = await Promise.all([folder, ...paths].map((path) => stat(path)));
  const values = new Map([
    ['a', Buffer.from('old a')],
    ['b', Buffer.from('new')],
  ]);
  await at.secrets.refresh('r1', (name) => Promise.resolve(values.get(name)));
  t.deepEqual(await Promise.all(paths.map((path) => readFile(path, 'utf8'))), ['old a', 'new', 'old c']);
  t.is(await reader.readFile('utf8'), 'old b', 'who has it open reads the old one to its end');
  const after = await Promise.all([folder, ...paths].map((path) => stat(path)));
  const told = (stats: typeof after) => stats.map(({ mode, uid, gid }) => ({ mode, uid, gid }));
  t.deepEqual(told(after), told(before));
  t.is(after[0]?.ino, before[0]?.ino, 'a mounted folder stays the one that is mounted');
  t.is(after[1]?.ino, before[1]?.ino, 'what has not changed is not written');
  t.deepEqual(await readdir(join(at.runDir, 'secrets')), ['r1']);
  await at.secrets.refresh('r2', () => Promise.resolve(Buffer.from('x')));
  t.deepEqual(await at.secrets.list(), ['r1']);
});

test('a replica that is removed while its copies are refreshed is removed after that', async (t) => {
  await using at = await startReplicaSecrets();
  await at.secrets.prepare('r1', () => Promise.resolve([{ name: 'key', value: Buffer.from('old') }]), ourselves);
  let removal = Promise.resolve();
  await at.secrets.refresh('r1', async () => {
    removal = at.secrets.remove('r1');
    // Time enough for one that does not wait.
    for (let turns = 0; turns < 100; turns += 1) await turn();
    return Buffer.from('new');
  });
  await removal;
  t.deepEqual(await at.secrets.list(), []);
});

test('replicas are listed until they are removed', async (t) => {
  await using at = await startReplicaSecrets();
  await at.secrets.prepare('r1', () => Promise.resolve([]), ourselves);
  await at.secrets.prepare('r2', () => Promise.resolve([{ name: 'key', value: Buffer.from('1') }]), ourselves);
  t.deepEqual((await at.secrets.list()).sort(), ['r1', 'r2']);
  await at.secrets.remove('r2');
  await at.secrets.remove('r2');
  t.deepEqual(await at.secrets.list(), ['r1']);
});

test('a name that leaves the folder is refused', async (t) => {
  await using at = await startReplicaSecrets();
  await t.throwsAsync(
    at.secrets.prepare('../r1', () => Promise.resolve([]), ourselves),
    { name: 'SecretError' },
  );
  await t.throwsAsync(
    at.secrets.prepare('r1', () => Promise.resolve([{ name: '../key', value: Buffer.from('1') }]), ourselves),
    {
      name: 'SecretError',
    },
  );
  await t.throwsAsync(at.secrets.remove('..'), { name: 'SecretError' });
});

test('a run directory on disk is warned about, one in memory is not', async (t) => {
  await using memory = await startReplicaSecrets();
  t.deepEqual(memory.lines, []);
  await using disk = await startReplicaSecrets(tmpdir());
  const onDisk = spawnSync('stat', ['-f', '-c', '%T', tmpdir()], { encoding: 'utf8' }).stdout.trim() !== 'tmpfs';
  t.is(disk.lines.length, onDisk ? 1 : 0);
});

test('the owner reads its copies through a bind mount; another user of the host reads none', async (t) => {
  t.is(ourselves.uid, 0, 'needs root: sudo test/run integration');
  await using at = await startReplicaSecrets();
  const folder = await at.secrets.prepare(
    'r1',
    () => Promise.resolve([{ name: 'key', value: Buffer.from('hunter2') }]),
    {
      uid: 1234,
      gid: 1234,
    },
  );
  // What the runtime does: the folder alone, in a mount namespace of its own, seen by the function's user.
  const read = (uid: number, path: string) =>
    spawnSync(
      'unshare',
      [
        '--mount',
        'sh',
        '-c',
        `mount --bind "$0" /mnt && exec setpriv --reuid ${uid} --regid ${uid} --clear-groups --bounding-set=-all cat "$1"`,
        folder,
        path,
      ],
      { encoding: 'utf8' },
    );
  t.is(read(1234, '/mnt/key').stdout, 'hunter2');
  t.is(read(4321, '/mnt/key').stdout, '');
  t.is(read(4321, join(folder, 'key')).stdout, '');
  t.is(
    read(1234, join(folder, 'key')).stdout,
    '',
    'a host user with the same number does not get past the 0700 folder',
  );
});
