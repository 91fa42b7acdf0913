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

/** Longer than any duration that somebody writes. */
const longestText = 64;

/**
 * Reads a Go duration such as `300ms`, `1.5h` or `2h45m`, as https://pkg.go.dev/time#ParseDuration does.
 * @returns milliseconds
 * @throws RangeError when the text is no duration, one of more than 292 years, or longer than 64 characters
 */
export function parseGoDuration(text: string): number {
  const sign = /^[-+]/.exec(text)?.[0] ?? '';
  const rest = text.slice(sign.length);
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
  return /^\d{1,20}$/.test(text) ? parseGoDuration(`${text}s`) : parseGoDuration(text);
}

function sumOfTerms(text: string): number | undefined {
  if (text === '' || text.length > longestText) return undefined;
  const term = /(\d+\.?\d*|\.\d+)([a-zµμ]+)/y;
  let total = 0;
  while (term.lastIndex < text.length) {
    const [, amount, unit = ''] = term.exec(text) ?? [];
    const ms = unitMs.get(unit);
    if (ms === undefined) return undefined;
    total += Number(amount) * ms;
  }
  return total;
}
