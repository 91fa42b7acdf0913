import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { LogArchive } from '../../../src/logs/log-archive.ts';
import type { LogLine, LogReplica } from '../../../src/logs/index.ts';

const figlet: LogReplica = { id: 'r1', name: 'figlet', namespace: 'openfaas-fn' };
const cows: LogReplica = { ...figlet, id: 'r2', name: 'cows' };

async function startArchive() {
  const folder = await mkdtemp(join(tmpdir(), 'archive-'));
  const archive = new LogArchive({ folder, historyBytes: 1024, maxAgeMs: 60_000, maxTotalBytes: 1024 * 1024 });
  await archive.start();
  return {
    archive,
    folder,
    keep: (replica: LogReplica, text: string) => archive.append(replica, [text], { stream: 'stdout', offset: 1 }),
    age: ({ namespace, name }: LogReplica) => utimes(join(folder, namespace, name, 'current.log'), 0, 0),
    prepend: async ({ namespace, name }: LogReplica, record: string) => {
      const path = join(folder, namespace, name, 'current.log');
      await writeFile(path, record + (await readFile(path, 'utf8')));
    },
    textsOf: async ({ name, namespace }: LogReplica) => {
      const lines: LogLine[] = await Array.fromAsync(archive.query({ name, namespace, follow: false }));
      return lines.map(({ text }) => text);
    },
    folders: () => readdir(join(folder, figlet.namespace)),
    async [Symbol.asyncDispose]() {
      archive.stop();
      await rm(folder, { recursive: true });
    },
  };
}

const nameOf = ({ name, namespace }: Pick<LogReplica, 'name' | 'namespace'>) => ({ name, namespace });

test('a removed function leaves disk and memory when its retention ends, one with replicas keeps its lines', async (t) => {
  await using at = await startArchive();
  for (const replica of [figlet, cows]) await at.keep(replica, 'hello');
  for (const replica of [figlet, cows]) await at.age(replica);
  t.is(at.archive.openHistories, 2);
  t.deepEqual((await at.archive.sweep([cows])).map(nameOf), [nameOf(figlet)]);
  t.deepEqual(await at.folders(), ['cows']);
  t.is(at.archive.openHistories, 0);
  t.false(await at.archive.has(figlet));
  t.deepEqual(await at.textsOf(cows), ['hello']);
  await at.keep(cows, 'again');
  t.deepEqual(await at.textsOf(cows), ['hello', 'again']);
});

test('a folder of somebody else, and a history that cannot be cut, keep no other lines past their time', async (t) => {
  await using at = await startArchive();
  await mkdir(join(at.folder, figlet.namespace, '.old'), { recursive: true });
  await mkdir(join(at.folder, figlet.namespace, 'broken', 'current.log'), { recursive: true });
  for (const replica of [figlet, cows]) await at.keep(replica, 'hello');
  await at.age(figlet);
  await at.prepend(cows, '1970-01-02T00:00:00.000Z r2 old\n');
  await t.throwsAsync(at.archive.sweep([cows, { ...cows, name: 'broken' }]), { message: /EISDIR/ });
  t.deepEqual(await at.textsOf(cows), ['hello']);
  t.false(await at.archive.has(figlet));
});

test('ten thousand functions that were asked for and have no lines take no memory after a sweep', async (t) => {
  await using at = await startArchive();
  for (let count = 0; count < 10_000; count++) await at.textsOf({ ...figlet, name: `fn-${count}` });
  t.is(at.archive.openHistories, 10_000);
  t.deepEqual(await at.archive.sweep([]), []);
  t.is(at.archive.openHistories, 0);
});

test('whoever follows a function through a sweep gets the lines that come after it', async (t) => {
  await using at = await startArchive();
  const follow = () => at.archive.query({ ...nameOf(figlet), follow: true })[Symbol.asyncIterator]();
  const [following, notReadYet] = [follow(), follow()];
  const first = following.next();
  await at.archive.sweep([]);
  const second = notReadYet.next();
  await at.textsOf(figlet);
  await at.keep(figlet, 'after');
  t.like((await first).value, { text: 'after' });
  t.like((await second).value, { text: 'after' });
  await Promise.all([following.return?.(), notReadYet.return?.()]);
});

test('lines that are too old go, also those of a function with replicas', async (t) => {
  await using at = await startArchive();
  await at.keep(cows, 'new');
  await at.prepend(cows, '2026-01-01T00:00:00.000Z r2 old\n');
  t.deepEqual(await at.textsOf(cows), ['old', 'new']);
  await at.archive.sweep([cows]);
  t.deepEqual(await at.textsOf(cows), ['new']);
});
