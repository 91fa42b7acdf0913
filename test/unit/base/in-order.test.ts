import { setImmediate as tick } from 'node:timers/promises';
import test from 'ava';
import fc from 'fast-check';
import { InOrder } from '../../../src/base/in-order.ts';

test('tasks of one key run one after the other, in the order of their arrival', async (t) => {
  const inOrder = new InOrder();
  const seen: string[] = [];
  const task = (name: string) => async () => {
    seen.push(`${name} begins`);
    await new Promise(setImmediate);
    seen.push(`${name} ends`);
    return name;
  };
  const names = ['a', 'b', 'c'];
  t.deepEqual(await Promise.all(names.map((name) => inOrder.run('key', task(name)))), names);
  t.deepEqual(
    seen,
    names.flatMap((name) => [`${name} begins`, `${name} ends`]),
  );
});

test('tasks of different keys do not wait for each other', async (t) => {
  const inOrder = new InOrder();
  const { promise, resolve } = Promise.withResolvers<string>();
  const waiting = inOrder.run('a', () => promise);
  await inOrder.run('b', () => {
    resolve('done');
    return Promise.resolve();
  });
  t.is(await waiting, 'done');
});

test('a task that fails lets the next one in', async (t) => {
  const inOrder = new InOrder();
  const failing = inOrder.run('key', () => Promise.reject(new Error('no')));
  const next = inOrder.run('key', () => Promise.resolve('yes'));
  await t.throwsAsync(failing, { message: 'no' });
  t.is(await next, 'yes');
});

test('one at a time for a key, no more than the limit for all, and all get their turn', async (t) => {
  const work = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd'), ticks: fc.nat(3), fails: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(work, { maxLength: 20 }), fc.integer({ min: 1, max: 3 }), async (works, limit) => {
      const inOrder = new InOrder(limit);
      const running: string[] = [];
      const started = new Map<string, number[]>();
      const results = works.map(({ key, ticks, fails }, index) =>
        inOrder.run(key, async () => {
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
