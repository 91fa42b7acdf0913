import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { DrainQueue, type Drainable } from '../../../src/logs/drain-queue.ts';
import { until } from '../../helpers/poll.ts';

/** A task whose reads are written down; it has more for so many of them. */
function taskOf(name: string, order: string[], reads = 1): Drainable {
  return {
    drainSome: async () => {
      order.push(name);
      reads -= 1;
      await sleep(1);
      return reads > 0;
    },
  };
}

test('a task with a line is next, however many others have more and more, and those go on in turn', async (t) => {
  const order: string[] = [];
  const queue = new DrainQueue(
    () => {},
    (_, error) => t.fail(String(error)),
  );
  const quiet = taskOf('quiet', order);
  for (const name of ['a', 'b', 'c', 'd']) queue.add(taskOf(name, order, 10));
  await until(() => order.length >= 6);
  const before = order.length;
  queue.add(quiet);
  await until(() => order.includes('quiet'));
  t.true(order.indexOf('quiet') <= before + 1, order.join(' '));
  await until(() => order.length === 41);
  const others = order.filter((name) => name !== 'quiet').join('');
  t.is(others, 'abcd'.repeat(10));
  await queue.stop();
});

test('what has more and more is read on however often others have a line', async (t) => {
  const order: string[] = [];
  const others = ['x', 'y'].map((name) => taskOf(name, order, 0));
  const queue = new DrainQueue<Drainable>(
    // Whoever was read has a line again.
    (task) => (others.includes(task) && order.length < 1000 ? queue.add(task) : undefined),
    (_, error) => t.fail(String(error)),
  );
  queue.add(taskOf('loud', order, 5));
  for (const other of others) queue.add(other);
  await until(() => order.filter((name) => name === 'loud').length === 5);
  t.true(order.length < 1000, 'not only once they were done');
  await queue.stop();
});
