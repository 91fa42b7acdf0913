import { quote } from './quote.ts';

const unitMs = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['µs', 1e-3], // U+00B5, the micro sign
  ['μs', 1e-3], // U+03BC, the Greek letter
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

/** What Go's int64 of nanoseconds holds, about 292 years. */
const longestMs = 2 ** 63 / 1e6;

/**
 * Reads a Go duration such as `300ms`, `1.5h` or `2h45m`, as https://pkg.go.dev/time#ParseDuration does.
 * @returns milliseconds
 * @throws RangeError when the text is no duration, or one of more than 292 years
 */
export function parseGoDuration(text: string): number {
  const [, sign, rest = ''] = /^([-+]?)(.*)$/s.exec(text) ?? [];
  const ms = rest === '0' ? 0 : sumOfTerms(rest);
  if (ms === undefined || ms > longestMs) throw new RangeError(`not a duration: ${quote(text)}, write 90s or 1m30s`);
  return sign === '-' ? -ms : ms;
}

/**
 * Reads a timeout as faas-provider does: a bare integer is seconds, anything else a Go duration.
 * @returns milliseconds
 * @throws RangeError when the text is neither
 */
export function parseSecondsOrGoDuration(text: string): number {
  return /^\d+$/.test(text) ? parseGoDuration(`${text}s`) : parseGoDuration(text);
}

function sumOfTerms(text: string): number | undefined {
  let total = 0;
  let at = 0;
  for (const [term, amount, unit = ''] of text.matchAll(/(\d+\.?\d*|\.\d+)([a-zµμ]+)/g)) {
    const ms = unitMs.get(unit);
    if (ms === undefined || !text.startsWith(term, at)) return undefined;
    total += Number(amount) * ms;
    at += term.length;
  }
  return at > 0 && at === text.length ? total : undefined;
}
