import { mock } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import { JobSlots } from '../../../../../src/backends/containerd/reconcile/job-slots.ts';

/** Slots, the names of the jobs that have begun, and what ends each. */
function world(slots: number) {
  const jobs = new JobSlots({ slots, slowMs: 10_000 });
  const begun: string[] = [];
  const urgent = new Set<string>();
  const ends = new Map<string, () => void>();
  const add = (name: string) =>
    jobs.add(
      () => {
        begun.push(name);
        return new Promise<void>((resolve) => ends.set(name, resolve));
      },
      () => urgent.has(name),
    );
  const end = async (name: string) => {
    ends.get(name)?.();
    await turn();
  };
  return { jobs, begun, urgent, add, end };
}

test('what somebody waits for by now goes before what was asked for earlier, and the rest in its order', async (t) => {
  const { begun, urgent, add, end } = world(1);
  for (const name of ['first', 'boot-1', 'boot-2', 'woken', 'boot-3']) add(name);
  urgent.add('woken');
  for (const name of ['first', 'woken', 'boot-1', 'boot-2']) await end(name);
  t.deepEqual(begun, ['first', 'woken', 'boot-1', 'boot-2', 'boot-3']);
});

test.serial('jobs that are stuck hold their slots for seconds, and give each back once', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const { begun, add, end } = world(2);
  for (const name of ['stuck-1', 'stuck-2', 'a', 'b', 'c']) add(name);
  t.deepEqual(begun, ['stuck-1', 'stuck-2']);
  mock.timers.tick(10_000);
  t.deepEqual(begun, ['stuck-1', 'stuck-2', 'a', 'b']);
  await end('stuck-1');
  t.is(begun.length, 4, 'its slot was given back already');
  await end('a');
  t.deepEqual(begun.slice(4), ['c']);
});

test('what has not begun is forgotten when all is to end', async (t) => {
  const { jobs, begun, add, end } = world(1);
  for (const name of ['a', 'b']) add(name);
  jobs.clear();
  await end('a');
  t.deepEqual(begun, ['a']);
});
