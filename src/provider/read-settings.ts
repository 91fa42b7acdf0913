import { parseSecondsOrGoDuration } from '../base/go-duration.ts';

/** The variables of a process, such as `process.env`. */
export type Environment = Record<string, string | undefined>;

/** How a setting is written, and read. */
export interface SettingKind<T> {
  /** Reads the variable's text; whatever it throws, the operator is told the `unit`. */
  parse: (text: string) => T;
  /** What to write, such as `a path`. */
  unit: string;
}

/** One setting: the environment variable that it comes from, and what the documentation says of it. */
export interface Setting<T> extends SettingKind<T> {
  /** The environment variable. */
  name: string;
  /** The value, as one would write it, where the variable is absent or empty; without a default it is undefined then. */
  default: string | undefined;
  /** What the setting does, in Markdown. */
  meaning: string;
}

/** Settings by the field of the config that each one fills. */
type SettingsTable = Record<string, Setting<unknown>>;

/** The config that a table of settings fills. */
export type SettingValues<Table extends SettingsTable> = {
  [Field in keyof Table]:
    ReturnType<Table[Field]['parse']> | (Table[Field] extends { default: string } ? never : undefined);
};

/** One row of a table of settings. */
export function setting<T, Default extends string | undefined>(
  name: string,
  otherwise: Default,
  kind: SettingKind<T>,
  meaning: string,
): Setting<T> & { default: Default } {
  return { name, ...kind, default: otherwise, meaning };
}

/** A setting, or a file that a setting names, which the operator must mend before the server can start. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/**
 * Reads every setting of a table from the environment; an empty variable counts as absent.
 * @throws ConfigError naming the variable, when its value cannot be read
 */
export function readSettings<Table extends SettingsTable>(table: Table, env: Environment): SettingValues<Table> {
  const values = Object.entries(table).map(([field, setting]) => [field, readSetting(setting, env[setting.name])]);
  return Object.fromEntries(values) as SettingValues<Table>;
}

function readSetting(setting: Setting<unknown>, written: string | undefined): unknown {
  const text = written?.trim() || setting.default;
  if (text === undefined) return undefined;
  try {
    return setting.parse(text);
  } catch (cause) {
    throw new ConfigError(`${setting.name}: ${JSON.stringify(text)} cannot be read, write ${setting.unit}`, { cause });
  }
}

export const path = { parse: String, unit: 'a path' };
export const wholeNumber = { parse: (digits: string) => wholeUpTo(digits, 2 ** 53 - 1), unit: 'a whole number' };
export const port = { parse: (digits: string) => wholeUpTo(digits, 65_535), unit: '0 to 65535' };
export const flag = { parse: (word: string) => found(flags.get(word)), unit: 'true or false' };
export const timeout = { parse: toTimeoutMs, unit: 'seconds or 1m30s, at most 24 days' };

/** The kind of setting that is one of these words. */
export function oneOf<T extends string>(words: readonly T[]): SettingKind<T> {
  const unit = `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
  return { parse: (text) => found(words.find((word) => word === text)), unit };
}

const flags = new Map(Object.entries({ true: true, 1: true, false: false, 0: false }));

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new RangeError('no such word');
  return value;
}

function wholeUpTo(digits: string, most: number): number {
  if (!/^\d+$/.test(digits) || Number(digits) > most) throw new RangeError(`no whole number up to ${most}`);
  return Number(digits);
}

function toTimeoutMs(duration: string): number {
  const ms = parseSecondsOrGoDuration(duration);
  // Node's timers hold 2^31 - 1 ms, about 24 days.
  if (ms < 0 || ms > 2 ** 31 - 1) throw new RangeError('below 0 or above 24 days');
  return Math.ceil(ms);
}
