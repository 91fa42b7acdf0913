import test from 'ava';
import {
  areaPath,
  dotsPath,
  linePath,
  ticksOf,
  topOf,
  wordsOf,
} from '../../../../../src/gateway/dashboard/browser/chart-paths.ts';

const size = { width: 100, height: 10, most: 10 };

test('a line goes from the first value to the last, the greatest at the top', (t) => {
  t.is(linePath([0, 5, 10], size), 'M0 10L50 5L100 0');
});

test('a line is broken where nothing is known, and one value alone is a dot', (t) => {
  t.is(linePath([1, 1, null, 2, null], size), 'M0 9L25 9');
  t.is(dotsPath([1, 1, null, 2, null], size), 'M75 8h0');
  t.is(dotsPath([10], size), 'M0 0h0');
  t.is(linePath([null, null], size), '');
  t.is(linePath([], size), '');
});

const tops: [(number | null)[], boolean, number][] = [
  [[], false, 1],
  [[0, null], false, 1],
  [[0.3], false, 0.3],
  [[1], false, 1],
  [[11, 3], false, 15],
  [[501], false, 600],
  [[50 * 1024 * 1024], true, 64 * 1024 * 1024],
  [[90 * 1024 * 1024], true, 96 * 1024 * 1024],
  [[0], true, 1024 * 1024],
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

test('what is below a line ends where the line does', (t) => {
  t.is(areaPath([0, 5, null, 10, 10, null, 1], size), 'M0 10L0 10L16.7 5V10ZM50 10L50 0L66.7 0V10Z');
  t.is(areaPath([], size), '');
});

test('an hour has its quarters by the clock, a day its quarters', (t) => {
  const from = new Date(2026, 10, 27, 21, 50).getTime();
  const told = (stepSeconds: number, last: number) =>
    ticksOf(from, stepSeconds, last).map(({ share, moment }) => {
      t.true(share >= 0 && share <= 1);
      const at = new Date(moment);
      return `${at.getHours()}:${at.getMinutes()}`;
    });
  t.deepEqual(told(10, 359), ['22:0', '22:15', '22:30', '22:45']);
  t.deepEqual(told(300, 287), ['0:0', '6:0', '12:0', '18:0']);
  t.deepEqual(told(10, 0), []);
});
