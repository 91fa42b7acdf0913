/**
 * An embedded queue under load, as a program that may be killed at any moment, and what must be in its folder then.
 *
 *   queue-load.ts load FOLDER    puts calls on the queue and ends some, and prints a line for each thing that is durable
 *   queue-load.ts check FOLDER   reads such lines, and prints what of them is not in the folder
 */
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { createLog } from '../../src/base/log.ts';
import { SqliteQueue } from '../../src/gateway/async/sqlite-queue.ts';
import type { CallRecord, NewCall, Queue } from '../../src/gateway/async/queue.ts';

const fn = { name: 'load', namespace: 'openfaas-fn' };
const lanes = [
  { fn, kind: 'call' },
  { fn, kind: 'callback' },
] as const;
const sizes = [0, 300, 9000, 60_000];

function newCall(id: string): NewCall {
  return { id, kind: 'call', fn, path: '/', headers: [['X-Call-Id', id]] };
}

/** The body that a call has by its id. */
function bodyOf(id: string): Buffer {
  const size = sizes[Number(id.split('-').at(-1)) % sizes.length] ?? 0;
  return Buffer.alloc(size, `${id} `);
}

async function open(folder: string): Promise<Queue> {
  const log = createLog({ write: (line) => process.stderr.write(line) });
  return SqliteQueue.open({ dir: folder, log, maxCalls: 1e6, maxBytes: 1e12 });
}

async function load(folder: string): Promise<void> {
  const queue = await open(folder);
  const run = Date.now().toString(36);
  let count = 0;
  const add = async () => {
    for (;;) {
      const id = `${run}-${count++}`;
      await queue.add(newCall(id), bodyOf(id));
      console.log(`queued ${id}`);
    }
  };
  const work = async (lane: (typeof lanes)[number]) => {
    for (;;) {
      const calls = await queue.take(lane, 5);
      await Promise.all(calls.map((call) => end(queue, call)));
      if (calls.length === 0) await new Promise<void>((resolve) => queue.onWaiting(resolve));
    }
  };
  await Promise.all([...Array.from({ length: 20 }, add), ...lanes.map(work)]);
}

/** Ends a call in one of the ways that there are, or leaves it as one that runs. */
async function end(queue: Queue, { id, kind }: CallRecord): Promise<void> {
  const way = Number(id.split('-').at(-1)) % 7;
  const last = { status: 200, beganMs: 1, endedMs: 2 };
  if (way === 0) return;
  if (way === 1) return queue.retry(id, { dueMs: Date.now() + 3_600_000 });
  if (way === 2) {
    await queue.finish(id, { state: 'failed', last, isDead: true });
    console.log(`failed ${id}`);
    return;
  }
  const back = { ...newCall(`back-${id}`), kind: 'callback' as const };
  await queue.finish(id, {
    state: 'done',
    last,
    follows: kind === 'call' ? [{ call: back, body: bodyOf(back.id) }] : [],
  });
  console.log(`done ${id}`);
  if (kind === 'call') console.log(`queued ${back.id}`);
}

/** Lists what a folder lacks of what the lines say; each call that waits is taken, and its body read. */
export async function lacks(folder: string, lines: string[]): Promise<string[]> {
  const found = integrityOf(folder);
  const queue = await open(folder);
  await queue.recover();
  const states = new Map(lines.map((line) => line.split(' ').reverse() as [id: string, state: string]));
  const seen = [...states].map(async ([id, state]) => {
    const call = await queue.get(id);
    // What has ended may not have been said.
    const isThere = call && (state === 'queued' || call.state === state);
    if (!isThere) found.push(`${id} was ${state}, and is ${call?.state ?? 'not there'}`);
    if (call?.isDead) await queue.replay(id);
  });
  await Promise.all(seen);
  for (const lane of lanes)
    for (let calls = await queue.take(lane, 100); calls.length > 0; calls = await queue.take(lane, 100))
      for (const call of calls)
        if (!bodyOf(call.id).equals(await buffer(call.body()))) found.push(`${call.id} has another body`);
  const lost = await queue.list({ limit: 1_000_000, state: 'failed' });
  await queue.close();
  return [...found, ...lost.map(({ id, last }) => `${id}: ${last?.error}`)];
}

function integrityOf(folder: string): string[] {
  using database = new DatabaseSync(join(folder, 'calls.db'));
  const rows = database.prepare('PRAGMA integrity_check').all();
  return rows.map((row) => String(row.integrity_check)).filter((problem) => problem !== 'ok');
}

if (import.meta.main) {
  const [verb, folder = ''] = process.argv.slice(2);
  if (verb === 'load') await load(folder);
  else for (const problem of await lacks(folder, completeLines(await text(process.stdin)))) console.log(problem);
}

/** The lines of a text that may end within one. */
export function completeLines(said: string): string[] {
  return said.split('\n').slice(0, -1);
}
