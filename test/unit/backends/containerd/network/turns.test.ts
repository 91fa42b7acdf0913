import { setImmediate as tick } from 'node:timers/promises';
import test from 'ava';
import fc from 'fast-check';
import { Turns } from '../../../../../src/backends/containerd/network/turns.ts';

test('one at a time for a key, no more than the limit for all, and all get their turn', async (t) => {
  const work = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd'), ticks: fc.nat(3), fails: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(work, { maxLength: 20 }), fc.integer({ min: 1, max: 3 }), async (works, limit) => {
      const turns = new Turns(limit);
      const running: string[] = [];
      const started = new Map<string, number[]>();
      const results = works.map(({ key, ticks, fails }, index) =>
        turns.take(key, async () => {
          t.false(running.includes(key));
          running.push(key);
          t.true(running.length <= limit);
          started.set(key, [...(started.get(key) ?? []), index]);
          for (let i = 0; i < ticks; i++) await tick();
          running.splice(running.indexOf(key), 1);
          if (fails) throw new Error('failed');
          return index;
        }),
      );
      const settled = await Promise.allSettled(results);
      t.deepEqual(
        settled.map(({ status }) => status),
        works.map(({ fails }) => (fails ? 'rejected' : 'fulfilled')),
      );
      for (const order of started.values())
        t.deepEqual(
          order,
          order.toSorted((one, other) => one - other),
        );
    }),
  );
});
