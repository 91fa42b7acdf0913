import { setImmediate as nextTurn } from 'node:timers/promises';
import test from 'ava';
import { Breather } from '../../../../../src/backends/containerd/reconcile/breather.ts';

test('a burst goes on in slices in the order of its arrival, between which the event loop turns', async (t) => {
  const breather = new Breather();
  const done: number[] = [];
  const burst = Promise.all(Array.from({ length: 1000 }, (_, i) => breather.next().then(() => done.push(i))));
  const counts: number[] = [];
  while (done.length < 1000) {
    await nextTurn();
    counts.push(done.length);
  }
  await burst;
  const most = Math.max(...counts.map((count, i) => count - (counts[i - 1] ?? 0)));
  t.true(most <= 50, `${most} at once`);
  t.deepEqual(
    done,
    done.toSorted((a, b) => a - b),
  );
});

test('one after the other never waits for a turn', async (t) => {
  const breather = new Breather();
  let turned = false;
  void nextTurn().then(() => (turned = true));
  for (let i = 0; i < 10; i++) await breather.next();
  t.false(turned);
});
