import test from 'ava';
import { tryEach } from '../../../src/base/try-each.ts';

test('every item is acted on, and all that failed is named', async (t) => {
  const done: number[] = [];
  const cause = new Error('2 is bad');
  const error = await t.throwsAsync(
    tryEach([1, 2, 3, 4], (item) => {
      done.push(item);
      return item % 2 === 0 ? Promise.reject(item === 2 ? cause : new Error(`${item} is bad`)) : Promise.resolve();
    }),
  );
  t.deepEqual(done, [1, 2, 3, 4]);
  t.is(error.message, '2 is bad; 4 is bad');
  t.is(error.cause, cause);
});
