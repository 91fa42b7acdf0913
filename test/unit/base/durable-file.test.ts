import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { makeFolderDurably, removeDurably, sweepTemporaryFiles, writeDurably } from '../../../src/base/durable-file.ts';

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'durable-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

test('a file is replaced with the exact bytes and nothing else is left in the folder', async (t) => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'file');
  await writeDurably(path, 'a longer first version');
  await writeDurably(path, Buffer.from([0, 255, 10]), { mode: 0o640, fsync: false });
  t.deepEqual(await readFile(path), Buffer.from([0, 255, 10]));
  t.is((await stat(path)).mode & 0o777, 0o640);
  t.deepEqual(await readdir(folder.path), ['file']);
});

test('readers see a whole version at every moment while a file is rewritten', async (t) => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'file');
  const versions = Array.from({ length: 20 }, (_, index) => String(index).repeat(100_000 + index));
  await writeDurably(path, 'first', { fsync: false });
  let isWriting = true;
  const writing = (async () => {
    for (const version of versions) await writeDurably(path, version, { fsync: false });
    isWriting = false;
  })();
  while (isWriting) t.true(['first', ...versions].includes(await readFile(path, 'utf8')), 'a torn version was read');
  await writing;
  t.is(await readFile(path, 'utf8'), versions.at(-1) ?? '');
});

test('of many exclusive writers one wins and the others get EEXIST', async (t) => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'file');
  const results = await Promise.allSettled(
    ['a', 'b', 'c', 'd'].map((data) => writeDurably(path, data, { exclusive: true })),
  );
  const refused = results.filter((result) => result.status === 'rejected');
  t.deepEqual(
    refused.map((result) => (result.reason as NodeJS.ErrnoException).code),
    ['EEXIST', 'EEXIST', 'EEXIST'],
  );
  t.deepEqual(await readdir(folder.path), ['file']);
});

test('a write that fails leaves the old version and no temporary file', async (t) => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'taken');
  await makeFolderDurably(join(path, 'by-a-folder'));
  await t.throwsAsync(writeDurably(path, 'data'), { code: 'EISDIR' });
  t.deepEqual(await readdir(folder.path), ['taken']);
});

test('folders are made with their parents, private, and making them twice is no error', async (t) => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'a', 'b', 'c');
  await makeFolderDurably(path);
  await makeFolderDurably(path);
  t.is((await stat(path)).mode & 0o777, 0o700);
});

test('removing a file that is not there fails with ENOENT', async (t) => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'file');
  await writeDurably(path, 'data');
  await removeDurably(path);
  await t.throwsAsync(removeDurably(path), { code: 'ENOENT' });
});

test('sweeping removes what a killed writer left and keeps the rest', async (t) => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, '.tmp-0123456789abcdef'), 'half');
  await writeFile(join(folder.path, 'kept'), 'whole');
  await sweepTemporaryFiles(folder.path);
  t.deepEqual(await readdir(folder.path), ['kept']);
});
