import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { silentLog } from '../../../../src/base/log.ts';
import { SqliteQueue } from '../../../../src/gateway/async/sqlite-queue.ts';
import type { NewCall } from '../../../../src/gateway/async/queue.ts';

const lane = { fn: { name: 'resize', namespace: 'openfaas-fn' }, kind: 'call' } as const;
const nothing = Buffer.of();

function newCall(id: string, more: Partial<NewCall> = {}): NewCall {
  return { ...lane, id, path: '/', headers: [['X-Call-Id', id]], ...more };
}

async function openQueue(t: ExecutionContext, maxBytes: number) {
  const folder = await mkdtemp(join(tmpdir(), 'queue-bytes-'));
  const dir = join(folder, 'async');
  const queue = await SqliteQueue.open({ dir, log: silentLog, maxCalls: 1000, maxBytes });
  t.teardown(async () => {
    await queue.close();
    await rm(folder, { recursive: true });
  });
  return { queue };
}

const heavy: Record<string, Partial<NewCall>> = {
  headers: { headers: [['X-Long', 'x'.repeat(100_000)]] },
  'a path': { path: `/${'x'.repeat(100_000)}` },
  'a callback': { url: `http://hooks.test/${'x'.repeat(100_000)}` },
};
for (const [what, more] of Object.entries(heavy)) {
  test(`long ${what} count against what the queue may hold, as a body does`, async (t) => {
    const { queue } = await openQueue(t, 350_000);
    await queue.add(newCall('a', more), nothing);
    await queue.add(newCall('b', more), nothing);
    await queue.add(newCall('c', more), nothing);
    await t.throwsAsync(queue.add(newCall('d', more), nothing), { name: 'QueueFullError' });
    for (const id of ['a', 'b', 'c']) await queue.cancel(id);
    await queue.expire(Number.MAX_SAFE_INTEGER);
    await queue.add(newCall('d', more), nothing);
  });
}

test('what a caller logs in with is not kept with a call that has ended', async (t) => {
  const { queue } = await openQueue(t, 1e9);
  const headers: NewCall['headers'] = [['Authorization', 'Bearer a-secret-of-the-caller']];
  for (const id of ['done', 'cancelled', 'dead']) await queue.add(newCall(id, { headers }), nothing);
  await queue.cancel('cancelled');
  for (const { id } of await queue.take(lane, 2)) {
    await queue.finish(id, id === 'dead' ? { state: 'failed', isDead: true } : { state: 'done' });
  }
  for (const id of ['done', 'cancelled']) t.deepEqual((await queue.get(id))?.headers, [], id);
  t.deepEqual((await queue.get('dead'))?.headers, headers);
});

test('calls that have ended never keep new ones out: the oldest are forgotten', async (t) => {
  const { queue } = await openQueue(t, 1_000_000);
  for (let n = 0; n < 9; n += 1) await queue.add(newCall(`dead-${n}`), Buffer.alloc(100_000));
  for (const { id } of await queue.take(lane, 9)) await queue.finish(id, { state: 'failed', isDead: true });
  t.true((await queue.expire(0)) >= 4);
  t.is(await queue.get('dead-0'), undefined);
  t.like(await queue.get('dead-8'), { isDead: true });
  t.like(await queue.get('dead-5'), { isDead: true });
  for (let n = 0; n < 4; n += 1) await queue.add(newCall(`new-${n}`), Buffer.alloc(100_000));
  t.is(await queue.expire(0), 0);
});

test('answers that are kept count, and the oldest are forgotten', async (t) => {
  const { queue } = await openQueue(t, 1_000_000);
  for (let n = 0; n < 20; n += 1) await queue.add(newCall(`c-${n}`), nothing);
  const result = { body: Buffer.alloc(50_000) };
  for (const { id } of await queue.take(lane, 20)) await queue.finish(id, { state: 'done', result });
  await queue.expire(0);
  t.is(await queue.get('c-0'), undefined);
  t.is((await queue.get('c-19'))?.result?.body.length, 50_000);
});
