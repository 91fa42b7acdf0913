import test from 'ava';
import { linePath, topOf, wordsOf } from '../../../../../src/gateway/dashboard/browser/chart-paths.ts';

const size = { width: 100, height: 10, most: 10 };

test('a line goes from the first value to the last, the greatest at the top', (t) => {
  t.is(linePath([0, 5, 10], size), 'M0 10L50 5L100 0');
});

test('a line is broken where nothing is known, and one value alone is a dot', (t) => {
  t.is(linePath([1, 1, null, 2, null], size), 'M0 9L25 9M75 8h0');
  t.is(linePath([10], size), 'M0 0h0');
  t.is(linePath([null, null], size), '');
  t.is(linePath([], size), '');
});

const tops: [(number | null)[], boolean, number][] = [
  [[], false, 1],
  [[0, null], false, 1],
  [[0.3], false, 0.5],
  [[1], false, 1],
  [[11, 3], false, 20],
  [[501], false, 1000],
  [[50 * 1024 * 1024], true, 64 * 1024 * 1024],
];
for (const [values, isBytes, top] of tops) {
  test(`the top above ${JSON.stringify(values)}${isBytes ? ' bytes' : ''} is ${top}`, (t) => {
    t.is(topOf([values, []], isBytes), top);
  });
}

test('a line is told in words', (t) => {
  t.is(wordsOf('calls', [3, null, 1, 2, null], String), 'calls: last 2, least 1, most 3');
  t.is(wordsOf('calls', [null], String), 'calls: nothing is known');
});
