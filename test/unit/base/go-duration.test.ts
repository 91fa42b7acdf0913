import test from 'ava';
import fc from 'fast-check';
import { parseGoDuration, parseSecondsOrGoDuration } from '../../../src/base/go-duration.ts';

for (const [text, ms] of [
  ['0', 0],
  ['300ms', 300],
  ['1.5h', 5_400_000],
  ['2h45m', 9_900_000],
  ['1m30s', 90_000],
  ['-5s', -5000],
  ['+5s', 5000],
  ['.5s', 500],
  ['1.s', 1000],
  ['1h1h', 7_200_000],
  ['1500us', 1.5],
  ['1500µs', 1.5],
  ['1500μs', 1.5],
] as const) {
  test(`the Go duration ${text} is ${ms} ms`, (t) => {
    t.is(parseGoDuration(text), ms);
  });
}

test('what is no Go duration is a RangeError that shows one', (t) => {
  for (const text of [
    '',
    '5',
    's',
    '.s',
    '5 s',
    '5S',
    '5d',
    '1s ',
    ' 1s',
    '--1s',
    '1s-1s',
    '1e3s',
    '9999999999h',
    '1s\n',
    '-',
    '5constructor',
    '1'.repeat(5000),
    `${'1'.repeat(64)}s`,
    '1s'.repeat(33),
  ]) {
    t.throws(() => parseGoDuration(text), { instanceOf: RangeError, message: /1m30s/ }, text);
  }
});

test('any sum of terms is their sum in ms, any other text a RangeError', (t) => {
  const sizes = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  const term = fc.tuple(fc.nat(1000), fc.constantFrom(...Object.entries(sizes)));
  fc.assert(
    fc.property(fc.array(term, { minLength: 1, maxLength: 4 }), (terms) => {
      const text = terms.map(([count, [unit]]) => `${count}${unit}`).join('');
      return parseGoDuration(text) === terms.reduce((sum, [count, [, size]]) => sum + count * size, 0);
    }),
  );
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'0123.smhnuµ-+') })), (text) => {
      try {
        return Number.isFinite(parseGoDuration(text));
      } catch (error) {
        return error instanceof RangeError;
      }
    }),
  );
  t.pass();
});

test('a bare integer is seconds where faas-provider reads a timeout', (t) => {
  t.is(parseSecondsOrGoDuration('60'), 60_000);
  t.is(parseSecondsOrGoDuration('1m5s'), 65_000);
  t.throws(() => parseSecondsOrGoDuration('1.5'), { instanceOf: RangeError });
});

test('a text without end is refused without being looked through', (t) => {
  // Each of these would take a pattern that goes back hours.
  for (const text of [
    '1'.repeat(1_000_000),
    '1.'.repeat(500_000),
    `${'1'.repeat(1_000_000)}s`,
    'm'.repeat(1_000_000),
  ]) {
    t.throws(() => parseGoDuration(text), { instanceOf: RangeError });
    t.throws(() => parseSecondsOrGoDuration(text), { instanceOf: RangeError });
  }
});
