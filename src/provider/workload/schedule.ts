import { createRequire } from 'node:module';
import type * as Croner from 'croner';
import { parseGoDuration } from '../../base/go-duration.ts';
import { quote } from '../../base/quote.ts';
import { withSkippedTimes } from './skipped-times.ts';

const require = createRequire(import.meta.url);

/** Says when something is due, again and again. Moments are in milliseconds since the epoch. */
export interface Schedule {
  /** As it was written, after its time zone: what tells it from others. */
  readonly text: string;
  /** Whether its times are counted from the one before, and not read from a clock on the wall. */
  readonly isInterval: boolean;
  /** Returns the first time after a moment, undefined where none comes; of an interval the moment must be one of its times. */
  next(afterMs: number): number | undefined;
  /** Returns the last time after one moment that is not after another. */
  last(afterMs: number, untilMs: number): number | undefined;
}

const descriptors = new Map([
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * 0'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@hourly', '0 * * * *'],
]);

/**
 * Reads a schedule as cron-connector does: five fields, a word such as `@hourly`, or `@every 1m30s`; `CRON_TZ=ZONE` or `TZ=ZONE`
 * before it is its time zone.
 * Source: https://pkg.go.dev/github.com/robfig/cron/v3#hdr-CRON_Expression_Format
 * @param zone its time zone unless it names one; `Local` is the host's
 * @throws RangeError saying what is wrong with it
 */
export function parseSchedule(text: string, zone = 'Local'): Schedule {
  const [, ownZone = zone, spec = ''] = /^(?:(?:CRON_)?TZ=(\S*)\s+)?(.*)$/s.exec(text.trim()) ?? [];
  const [, every] = /^@every\s+(\S+)$/.exec(spec) ?? [];
  if (every !== undefined) return intervalSchedule(every);
  const fields = descriptors.get(spec.toLowerCase()) ?? spec;
  if (fields.startsWith('@'))
    throw new RangeError(`${quote(spec)} is not known: write @daily, @every 1h30m or the like`);
  const schedule = cronSchedule(fields.split(/\s+/).join(' '), checkZone(ownZone.trim() || 'Local'));
  if (schedule.next(0) === undefined) throw new RangeError(`${quote(spec)} is never due`);
  return schedule;
}

function intervalSchedule(duration: string): Schedule {
  const askedMs = parseGoDuration(duration);
  if (askedMs <= 0) throw new RangeError(`${quote(duration)} is no interval: write one such as @every 1h30m`);
  // Whole seconds, one at least, as cron-connector has it.
  const everyMs = Math.max(1000, Math.floor(askedMs / 1000) * 1000);
  return {
    text: `@every ${duration}`,
    isInterval: true,
    next: (afterMs) => afterMs + everyMs,
    last(afterMs, untilMs) {
      const times = Math.floor((untilMs - afterMs) / everyMs);
      return times > 0 ? afterMs + times * everyMs : undefined;
    },
  };
}

function cronSchedule(fields: string, zone: string): Schedule {
  // Only where there is a schedule: idle memory counts.
  const { Cron } = require('croner') as typeof Croner;
  // Neither an offset nor the host's zone needs the tables of all, which take 8 MB.
  const at = zone === 'UTC' ? { utcOffset: 0 } : { timezone: zone === 'Local' ? undefined : zone };
  const read = (pattern: string, where: Pick<Croner.CronOptions, 'timezone' | 'utcOffset'> = at) =>
    nextOf(
      new Cron(pattern, { ...where, mode: '5-part', sloppyRanges: true, fixedTimeRule: 'no-wildcard', paused: true }),
    );
  let next: Schedule['next'];
  try {
    read(fields);
    const named = namingHours(fields);
    next = read(named);
    const isSteady = zone === 'UTC' || named.split(' ')[1] === '*';
    if (!isSteady) next = withSkippedTimes(next, read(named, { utcOffset: 0 }), zone);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const reason = error.message
      .replace(/^\w+: /, '')
      .replace(/[^\x20-\x7E]+/g, '')
      .slice(0, 160);
    throw new RangeError(
      `${quote(fields)} cannot be read (${reason}): write minute, hour, day, month, day of the week`,
    );
  }
  return { text: `CRON_TZ=${zone} ${fields}`, isInterval: false, next, last: (...range) => lastOf(next, ...range) };
}

function nextOf(cron: Croner.Cron): Schedule['next'] {
  return (afterMs) => cron.nextRun(new Date(afterMs))?.getTime();
}

/**
 * Writes the minutes and hours of a schedule as lists, unless it is for every hour. croner then has each time of a day once: one
 * that daylight saving leaves out at the next there is, one that comes twice the first time. What is for every hour goes on
 * through both.
 */
function namingHours(fields: string): string {
  const [minute = '', hour = '', ...rest] = fields.split(' ');
  const hours = numbersOf(hour, 24);
  if (hours.size === 24) return [minute, '*', ...rest].join(' ');
  return [[...numbersOf(minute, 60)].join(','), [...hours].join(','), ...rest].join(' ');
}

/** Returns what a field stands for, which was read before: `*`, `5`, `1-5`, `0/15` and lists of them. */
function numbersOf(field: string, size: number): Set<number> {
  const ofPart = (part: string): number[] => {
    const [range = '', step = ''] = part.split('/');
    const [from = 0, to = step ? size - 1 : from] = /^[*?]$/.test(range) ? [0, size - 1] : range.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, index) => from + index).filter(
      (number) => (number - from) % (Number(step) || 1) === 0,
    );
  };
  return new Set(field.split(',').flatMap(ofPart));
}

/** Finds the last time by looking back twice as far again and again: a long time may have many. */
function lastOf(next: Schedule['next'], afterMs: number, untilMs: number): number | undefined {
  for (let backMs = 60_000; ; backMs *= 2) {
    const fromMs = Math.max(afterMs, untilMs - backMs);
    let found: number | undefined;
    for (let due = next(fromMs); due !== undefined && due <= untilMs; due = next(due)) found = due;
    if (found !== undefined || fromMs === afterMs) return found;
  }
}

/** @throws RangeError when it is no time zone */
function checkZone(zone: string): string {
  if (/^(etc\/)?(utc|gmt|zulu|uct|universal)$/i.test(zone)) return 'UTC';
  if (zone === 'Local') return zone;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone && zone;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RangeError(`${quote(zone)} is no time zone: write one such as Europe/Berlin`);
  }
}
