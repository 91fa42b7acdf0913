import test from 'ava';
import { KeyedMutex } from '../../../src/base/keyed-mutex.ts';

test('tasks of one key run one after the other, in the order of their arrival', async (t) => {
  const mutex = new KeyedMutex();
  const seen: string[] = [];
  const task = (name: string) => async () => {
    seen.push(`${name} begins`);
    await new Promise(setImmediate);
    seen.push(`${name} ends`);
    return name;
  };
  const names = ['a', 'b', 'c'];
  t.deepEqual(await Promise.all(names.map((name) => mutex.run('key', task(name)))), names);
  t.deepEqual(
    seen,
    names.flatMap((name) => [`${name} begins`, `${name} ends`]),
  );
});

test('tasks of different keys do not wait for each other', async (t) => {
  const mutex = new KeyedMutex();
  const { promise, resolve } = Promise.withResolvers<string>();
  const waiting = mutex.run('a', () => promise);
  await mutex.run('b', () => {
    resolve('done');
    return Promise.resolve();
  });
  t.is(await waiting, 'done');
});

test('a task that fails lets the next one in', async (t) => {
  const mutex = new KeyedMutex();
  const failing = mutex.run('key', () => Promise.reject(new Error('no')));
  const next = mutex.run('key', () => Promise.resolve('yes'));
  await t.throwsAsync(failing, { message: 'no' });
  t.is(await next, 'yes');
});
