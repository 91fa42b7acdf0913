import { mkdir, mkdtemp, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import test from 'ava';
import { createLog } from '../../../../src/base/log.ts';
import type { NewCall } from '../../../../src/gateway/async/queue.ts';
import { SqliteQueue } from '../../../../src/gateway/async/sqlite-queue.ts';
import { until } from '../../../helpers/poll.ts';

const fn = { name: 'resize', namespace: 'openfaas-fn' };
const lane = { fn, kind: 'call' } as const;
const longBody = Buffer.alloc(50_000, 'long');

function newCall(id: string): NewCall {
  return { id, kind: 'call', fn, path: '/', headers: [['X-Call-Id', id]] };
}

async function place() {
  const folder = await mkdtemp(join(tmpdir(), 'damaged-store-'));
  const dir = join(folder, 'async');
  const lines: string[] = [];
  const log = createLog({ write: (line) => lines.push(line) });
  return {
    dir,
    lines,
    database: join(dir, 'calls.db'),
    openQueue: (leastFreeBytes?: number) =>
      SqliteQueue.open({ dir, log, maxCalls: 10_000, maxBytes: 1e9, leastFreeBytes }),
    /** The folders beside the store that were set aside. */
    aside: async () => (await readdir(folder)).filter((name) => name !== 'async'),
    bodies: () => readdir(join(dir, 'bodies')),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

/** Makes a store with calls and closes it. */
async function fill({ openQueue }: Awaited<ReturnType<typeof place>>, calls = 300): Promise<void> {
  const queue = await openQueue();
  await Promise.all(Array.from({ length: calls }, (_, at) => queue.add(newCall(`call-${at}`), Buffer.alloc(2000))));
  await queue.close();
}

test('a store that is no database is set aside with what was in it, and calls are taken in', async (t) => {
  await using store = await place();
  await mkdir(store.dir);
  await writeFile(store.database, Buffer.alloc(100_000, 'garbage'));
  for (let starts = 0; starts < 2; starts++) {
    const queue = await store.openQueue();
    await queue.add(newCall(`start-${starts}`), longBody);
    t.like(await queue.get('start-0'), { state: 'queued' });
    await queue.close();
  }
  const [aside = '', ...more] = await store.aside();
  t.deepEqual(more, []);
  t.regex(aside, /^async\.damaged-/);
  const told = store.lines.filter((line) => line.includes('damaged'));
  t.is(told.length, 1);
  t.true(told[0]?.includes(aside));
});

test('a store that is found damaged while it is used is set aside then', async (t) => {
  await using store = await place();
  await fill(store);
  const { size } = await stat(store.database);
  {
    // All but the first page, from which the tables are known.
    await using file = await open(store.database, 'r+');
    await file.write(Buffer.alloc(size - 4096, 0xa5), 0, size - 4096, 4096);
  }
  const queue = await store.openQueue();
  await queue.take(lane, 10).catch(() => {});
  await queue.add(newCall('next'), longBody);
  t.deepEqual(
    (await queue.take(lane, 10)).map(({ id }) => id),
    ['next'],
  );
  t.is((await store.aside()).length, 1);
  await queue.close();
});

test('a store that was cut short is set aside', async (t) => {
  await using store = await place();
  await fill(store);
  const { size } = await stat(store.database);
  {
    await using file = await open(store.database, 'r+');
    await file.truncate(Math.floor(size / 3));
  }
  const queue = await store.openQueue();
  await queue.take(lane, 1000).catch(() => {});
  await queue.add(newCall('next'), longBody);
  t.like(await queue.get('next'), { state: 'queued' });
  t.is((await store.aside()).length, 1);
  await queue.close();
});

test('a store of a newer berth is left as it is, and says what to do', async (t) => {
  await using store = await place();
  await fill(store, 1);
  {
    using database = new DatabaseSync(store.database);
    database.exec('PRAGMA user_version = 2');
  }
  const queue = await store.openQueue();
  await t.throwsAsync(queue.add(newCall('next'), Buffer.of()), { name: 'StoreError', message: /see the log/ });
  await queue.close();
  t.deepEqual(await store.aside(), []);
  t.true(store.lines.join('').includes('newer berth'));
});

test('a call whose body is gone fails and says so, and keeps no other from its turn', async (t) => {
  await using store = await place();
  const queue = await store.openQueue();
  await queue.add(newCall('gone'), longBody);
  const [file = ''] = await store.bodies();
  await rm(join(store.dir, 'bodies', file));
  await queue.add(newCall('whole'), longBody);
  t.deepEqual(
    (await queue.take(lane, 10)).map(({ id }) => id),
    ['whole'],
  );
  const gone = await queue.get('gone');
  t.is(gone?.state, 'failed');
  t.regex(gone?.last?.error ?? '', /body is gone/);
  t.is(queue.pending(fn), 1);
  await queue.close();
});

test('bodies that no call has are swept, and none that is being written', async (t) => {
  await using store = await place();
  await fill(store, 1);
  await writeFile(join(store.dir, 'bodies', 'a-body-of-a-crash'), longBody);
  const queue = await store.openQueue();
  await queue.add(newCall('kept'), longBody);
  const coming = new PassThrough();
  const adding = queue.add(newCall('coming'), coming);
  coming.write(longBody);
  await until(async () => (await store.bodies()).length === 3);
  await queue.recover();
  t.is((await store.bodies()).length, 2);
  coming.end();
  await adding;
  const calls = await queue.take(lane, 10);
  const bodies = await Promise.all(calls.map((call) => buffer(call.body())));
  t.deepEqual(
    bodies.map(({ length }) => length),
    [2000, longBody.length, longBody.length],
  );
  for (const { id } of calls) await queue.finish(id, { state: 'done' });
  t.deepEqual(await store.bodies(), []);
  await queue.close();
});

test('what is refused and what breaks off leaves no body behind', async (t) => {
  await using store = await place();
  const queue = await store.openQueue();
  await queue.add(newCall('one'), longBody);
  await t.throwsAsync(queue.add(newCall('one'), longBody), { name: 'CallExistsError' });
  await t.throwsAsync(queue.add(newCall('two'), longBody, { bodyLimitBytes: 20_000 }), { name: 'BodyTooLargeError' });
  const follow = { call: newCall('three'), body: longBody };
  await queue.finish('none', { state: 'done', follows: [follow] });
  t.is((await store.bodies()).length, 1);
  await queue.cancel('one');
  t.deepEqual(await store.bodies(), []);
  await queue.close();
});

test('what calls were sent is in files that nobody but their owner reads', async (t) => {
  await using store = await place();
  await mkdir(store.dir);
  await writeFile(store.database, '');
  const queue = await store.openQueue();
  await queue.add(newCall('one'), longBody);
  for (const name of await readdir(store.dir, { recursive: true })) {
    const found = await stat(join(store.dir, name));
    t.is(found.mode & 0o077, 0, name);
  }
  await queue.close();
});

test('a queue that nobody uses makes no folder', async (t) => {
  await using store = await place();
  const queue = await store.openQueue();
  await queue.recover();
  await queue.expire(Date.now());
  await queue.close();
  await t.throwsAsync(stat(store.dir), { code: 'ENOENT' });
});

test('with the disk nearly full no call is taken in, and those that are there come to their end', async (t) => {
  await using store = await place();
  await fill(store, 2);
  const queue = await store.openQueue(Number.MAX_SAFE_INTEGER);
  await t.throwsAsync(queue.add(newCall('next'), Buffer.of()), { message: /^the disk of data_dir is full/ });
  t.is(await queue.get('next'), undefined);
  const calls = await queue.take(lane, 2);
  for (const { id } of calls) await queue.finish(id, { state: 'done' });
  t.like(await queue.get('call-0'), { state: 'done' });
  await queue.close();
});
