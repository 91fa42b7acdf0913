import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { mock } from 'node:test';
import { status } from '@grpc/grpc-js';
import test from 'ava';
import { ContainerdError } from '../../../../../src/containerd/index.ts';
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
  t.false(loop.hasTried);
  ends[0]?.();
  await turn();
  t.is(ends.length, 2);
  t.false(loop.isAwake);
  t.true(loop.hasTried);
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

test.serial('while containerd is away a loop waits to be woken, and says nothing', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const away = new ContainerdError({ method: 'Containers.List', address: '/c.sock' }, status.UNAVAILABLE, 'no socket');
  const errors: unknown[] = [];
  let passes = 0;
  const loop = new PassLoop({
    pass: () => (passes++, Promise.reject(away)),
    onError: (error) => errors.push(error),
  });
  loop.wake();
  await turn();
  mock.timers.tick(60_000);
  await turn();
  t.is(passes, 1);
  t.deepEqual(errors, []);
  t.false(loop.hasTried);
  loop.wake();
  await turn();
  t.is(passes, 2);
});

test.serial('passes that go on failing come after growing pauses, and count as tried', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  let passes = 0;
  const loop = new PassLoop({ pass: () => (passes++, Promise.reject(new Error('no'))), onError });
  loop.wake();
  await turn();
  t.true(loop.hasTried);
  for (let second = 0; second < 120; second++) {
    mock.timers.tick(1000);
    await turn();
  }
  t.true(passes > 5 && passes < 15, `${passes} passes in two minutes`);
});
