import test from 'ava';
import {
  agoText,
  bytesText,
  clockText,
  msText,
  rateText,
  shareText,
  shellWord,
  timeText,
} from '../../../../../src/gateway/dashboard/browser/texts.ts';

const kib = 1024;
const mib = 1024 * kib;

function check<T extends string | number | null | undefined>(
  what: string,
  text: (value: T) => string,
  cases: [T, string][],
): void {
  for (const [value, expected] of cases)
    test(`${what} ${String(value)} is ${expected}`, (t) => t.is(text(value), expected));
}

check<number | undefined | null>('the amount of bytes', bytesText, [
  [undefined, '–'],
  [null, '–'],
  [0, '0 B'],
  [1023, '1023 B'],
  [kib, '1.0 KiB'],
  [99.97 * kib, '100 KiB'],
  [1023 * kib, '1023 KiB'],
  [mib - 1, '1.0 MiB'],
  [12.34 * mib, '12.3 MiB'],
  [kib * mib - 1, '1.0 GiB'],
  [5000 * mib * mib, '5000 TiB'],
]);

check<number | undefined | null>('the milliseconds', msText, [
  [undefined, '–'],
  [null, '–'],
  [0, '0.0 ms'],
  [3.24, '3.2 ms'],
  [9.96, '10 ms'],
  [999.4, '999 ms'],
  [999.6, '1.0 s'],
  [59_949, '59.9 s'],
  [59_960, '1 min'],
  [600_000, '10 min'],
]);

check<number | undefined>('the share', shareText, [
  [undefined, '–'],
  [0, '0 %'],
  [0.0004, '<0.1 %'],
  [0.001, '0.1 %'],
  [0.0523, '5.2 %'],
  [0.0996, '10 %'],
  [0.5, '50 %'],
  [1, '100 %'],
  [2.5, '250 %'],
]);

check<number>('the rate', rateText, [
  [0, '0'],
  [1 / 60, '<0.1'],
  [0.05, '0.1'],
  [1.25, '1.3'],
  [9.96, '10'],
  [1234.5, '1235'],
]);

const now = Date.parse('2026-03-04T12:00:00Z');
check<number>('what was before seconds', (seconds) => agoText(new Date(now - seconds * 1000).toISOString(), now), [
  [0, '0 s ago'],
  [0.4, '0 s ago'],
  [89, '89 s ago'],
  [90, '2 min ago'],
  [89 * 60, '89 min ago'],
  [90 * 60, '2 h ago'],
  [35 * 3600, '35 h ago'],
  [36 * 3600, '2 days ago'],
  [400 * 86_400, '400 days ago'],
]);

test('what is not known is a dash, and what is yet to come is told by the clock', (t) => {
  t.is(agoText(undefined), '–');
  t.is(timeText(undefined), '–');
  const later = new Date(now + 60_000).toISOString();
  t.is(agoText(later, now), timeText(later));
  t.is(agoText(new Date(now + 400).toISOString(), now), '0 s ago', 'clocks differ a little');
});

test('a moment of today is told by its time, another with its day', (t) => {
  const at = new Date(now);
  t.is(clockText(at.toISOString(), now), at.toLocaleTimeString());
  t.is(clockText(at.toISOString(), now + 48 * 3_600_000), `${at.toLocaleDateString()} ${at.toLocaleTimeString()}`);
});

check<string>('the word for a shell of', shellWord, [
  ['registry.example/a:1@sha256', 'registry.example/a:1@sha256'],
  ['', "''"],
  ['a b', "'a b'"],
  ['$(reboot)', "'$(reboot)'"],
  ["it's", "'it'\\''s'"],
  ['a\n', "'a\n'"],
  ['~', "'~'"],
  ["a\u202e'\\\u001b", "$'a\\u202e\\'\\\\\\u001b'"],
]);
