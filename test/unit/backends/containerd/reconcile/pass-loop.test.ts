import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { PassLoop } from '../../../../../src/backends/containerd/reconcile/pass-loop.ts';

const onError = () => {};

test('passes run one at a time, and what is asked for meanwhile is one more', async (t) => {
  const ends: (() => void)[] = [];
  const pass = () => new Promise<void>((resolve) => void ends.push(resolve));
  const loop = new PassLoop({ pass, onError });
  loop.wake();
  t.is(ends.length, 1);
  for (let times = 0; times < 3; times++) loop.wake();
  t.true(loop.isAwake);
  t.false(loop.hasPassed);
  ends[0]?.();
  await turn();
  t.is(ends.length, 2);
  t.false(loop.isAwake);
  t.true(loop.hasPassed);
  ends[1]?.();
  await turn();
  t.is(ends.length, 2);
});

test('a pass that fails is told of, and another one follows by itself', async (t) => {
  const errors: unknown[] = [];
  const passed = Promise.withResolvers<void>();
  let passes = 0;
  const pass = () => (passes++ === 0 ? Promise.reject(new Error('away')) : Promise.resolve(passed.resolve()));
  const loop = new PassLoop({ pass, onError: (error) => errors.push(error) });
  loop.wake();
  await passed.promise;
  t.is(errors.length, 1);
});

test('a loop that has ended wakes neither by itself nor when it is asked', async (t) => {
  let passes = 0;
  const loop = new PassLoop({ pass: () => Promise.resolve(void passes++), onError });
  loop.wakeIn(1);
  loop.end();
  loop.wake();
  loop.wakeIn(1);
  await sleep(20);
  t.is(passes, 0);
});
