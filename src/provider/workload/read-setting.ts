import { quote } from '../../base/quote.ts';
import { parseGoDuration, parseSecondsOrGoDuration } from '../../base/go-duration.ts';

/** Makes a value of a text; gives undefined, or throws RangeError, for a text that it cannot read. */
export type ParseSetting<T> = (text: string) => T | undefined;

/** The longest time that a timer of Node holds, about 25 days. */
const longestTimerMs = 2 ** 31 - 1;

/** Longer than any number, duration or word that a setting can be. */
const longestText = 64;

/**
 * Reads one label, annotation or variable, whatever blanks are around it.
 * @param text its value; undefined when it is not set
 * @param parse makes the value of the text without its blanks
 * @returns undefined also when the text cannot be read, or is longer than any that can
 */
export function readSetting<T>(text: string | undefined, parse: ParseSetting<T>): T | undefined {
  if (text === undefined || text.length > longestText) return undefined;
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

/** Makes a parser of one of some words. */
export function oneOf<Word extends string>(words: readonly Word[]): ParseSetting<Word> {
  return (text) => words.find((word) => word === text);
}

/** Parses words with commas or blanks between, each once. */
export function toList(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter(Boolean))];
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

/** Reads the labels or annotations of a function that share a prefix, and keeps what is wrong with them. */
export class SettingReader {
  /** What is told of settings, those that cannot be read included. */
  readonly warnings: string[] = [];
  /** What a deployer is told of settings that cannot be read, and of how to write them. */
  readonly unreadable: string[] = [];
  readonly #settings: Record<string, string>;
  readonly #prefix: string;

  constructor(settings: Record<string, string>, prefix: string) {
    this.#settings = settings;
    this.#prefix = prefix;
  }

  /** Returns the text of a setting; undefined when it is not set. */
  text(name: string): string | undefined {
    return this.#settings[this.#prefix + name];
  }

  /**
   * Reads one setting. A 0 where there is none is its default, which is told, and no reason to refuse the function.
   * @param form says how the setting is written
   */
  read<T>(name: string, parse: ParseSetting<T>, form: string): T | undefined {
    const text = this.text(name);
    const value = readSetting(text, parse);
    if (text === undefined || value !== undefined) return value;
    this.warn(name, `${quote(text)} cannot be read: its default is used`);
    if (text.length > longestText || text.trim() !== '0') this.refuse(name, `${quote(text)} cannot be read`, form);
    return undefined;
  }

  warn(name: string, what: string): void {
    this.warnings.push(`${this.#prefix}${name} ${what}`);
  }

  refuse(name: string, what: string, form: string): void {
    this.unreadable.push(`${this.#prefix}${name} ${what}: write ${form}`);
  }
}
