import test from 'ava';
import { JetstreamQueue } from '../../../src/gateway/async/jetstream-queue.ts';
import { parseNatsAddress } from '../../../src/gateway/async/nats-address.ts';
import { CallExistsError } from '../../../src/gateway/async/queue-errors.ts';
import { silentLog } from '../../../src/base/log.ts';
import { startNatsServer } from '../../helpers/nats-server.ts';
import { until } from '../../helpers/poll.ts';

const fn = { name: 'resize', namespace: 'openfaas-fn' };
const lane = { fn, kind: 'call' } as const;
const newCall = (id: string) => ({ id, kind: 'call' as const, fn, path: '', headers: [] });
const last = { status: 200, beganMs: 1, endedMs: 2 };

test('two that share a queue know of each other’s calls, and make those of one that is gone once more', async (t) => {
  await using server = await startNatsServer();
  const address = parseNatsAddress(server.host);
  const open = () =>
    JetstreamQueue.open({ address, name: 'shared', isShared: true, log: silentLog, maxCalls: 1000, maxBytes: 1e9 });
  const [one, other] = [await open(), await open()];
  for (const queue of [one, other]) await queue.recover();
  await Promise.all(Array.from({ length: 20 }, (_, at) => one.add(newCall(`call-${at}`), Buffer.from('body'))));
  await until(() => other.pending(fn) === 20, { message: 'the other to know of them' });
  await t.throwsAsync(other.add(newCall('call-3'), Buffer.from('again')), { instanceOf: CallExistsError });

  const taken = (await Promise.all([one.take(lane, 15), other.take(lane, 15)])).map((calls) =>
    calls.map(({ id }) => id),
  );
  const all = new Set(taken.flat());
  t.is(all.size, taken.flat().length, 'none was taken by both');
  for (const id of taken[0] ?? []) await one.finish(id, { state: 'done', last });
  const running = 20 - (taken[0]?.length ?? 0);
  await until(() => other.pending(fn) === running, { message: 'the other to know that they are done' });
  await until(async () => {
    for (const { id } of await other.take(lane, 20)) taken[1]?.push(id);
    return one.pending(fn) === running && taken[1]?.length === running;
  });

  // Without a word to anybody: its calls are not handed back.
  await other.close();
  const again: string[] = [];
  await until(async () => {
    for (const call of await one.take(lane, 20)) {
      t.is(call.attempts, 2);
      again.push(call.id);
      await one.finish(call.id, { state: 'done', last });
    }
    return again.length === running;
  });
  t.deepEqual(again.sort(), taken[1]?.sort());
  t.is(one.pending(fn), 0);
  t.is((await one.counts()).get('resize.openfaas-fn')?.done, 20);
  await one.close();
});
