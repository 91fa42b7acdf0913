import { parseGoDuration, parseSecondsOrGoDuration } from '../../base/go-duration.ts';

/** Makes a value of a text; gives undefined, or throws RangeError, for a text that it cannot read. */
export type ParseSetting<T> = (text: string) => T | undefined;

/** The longest time that a timer of Node holds, about 25 days. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * Reads one label, annotation or variable, whatever blanks are around it.
 * @param text its value; undefined when it is not set
 * @param parse makes the value of the text without its blanks
 * @returns undefined also when the text cannot be read, which is no reason to refuse the function
 */
export function readSetting<T>(text: string | undefined, parse: ParseSetting<T>): T | undefined {
  if (text === undefined) return undefined;
  try {
    return parse(text.trim());
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Parses how many: a whole number above 0 and below a million. */
export function toCount(text: string): number | undefined {
  return /^\d{1,6}$/.test(text) ? Number(text) || undefined : undefined;
}

/** Parses a decimal number above 0. */
export function toPositive(text: string): number | undefined {
  return /^(\d{1,9}(\.\d{0,9})?|\.\d{1,9})$/.test(text) ? Number(text) || undefined : undefined;
}

/** Parses a whole number from 0 to 100. */
export function toPercentage(text: string): number | undefined {
  return /^\d{1,3}$/.test(text) && Number(text) <= 100 ? Number(text) : undefined;
}

/** Parses true or false in the spellings of Go's strconv.ParseBool. */
export function toBoolean(text: string): boolean | undefined {
  if (/^(1|t|T|true|True|TRUE)$/.test(text)) return true;
  return /^(0|f|F|false|False|FALSE)$/.test(text) ? false : undefined;
}

/** Parses a Go duration that is not negative, in milliseconds. */
export function toDurationMs(text: string): number | undefined {
  const ms = parseGoDuration(text);
  return ms >= 0 ? ms : undefined;
}

/** Parses seconds or a Go duration that is not negative, in milliseconds, as far as a timer can hold them. */
export function toTimerMs(text: string): number | undefined {
  const ms = parseSecondsOrGoDuration(text);
  return ms >= 0 ? Math.min(ms, longestTimerMs) : undefined;
}
