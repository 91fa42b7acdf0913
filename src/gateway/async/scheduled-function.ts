import { createHash } from 'node:crypto';
import { fullName, type FunctionName, type Schedule, type ScheduleRule } from '../../provider/index.ts';
import type { KeptSchedules } from './schedule-file.ts';

/** A clock that is further back than this was wrong before: times that it had reached count for nothing. */
const wrongClockMs = 24 * 3_600_000;
/** A time that is looked after so late has not been missed: an upgrade takes a moment. */
const lateMs = 5000;

/** Says whether a text may be the id of a schedule's call: who took it first would keep that from being made. */
export function isScheduleId(id: string): boolean {
  return /^cron-.*-[0-9a-f]{10}-\d{8}T\d{6}(\.\d{3})?Z$/.test(id);
}

/** A time that has come. */
export interface DueTime {
  atMs: number;
  /** Whether it came while nobody looked. */
  isMissed: boolean;
  /** Ids that calls for it and for times before it have, which a crash may have kept from being noted. */
  ids: string[];
}

/** A function that is called by schedules, and what was done for them. Moments are of the wall clock. */
export class ScheduledFunction {
  readonly name: FunctionName;
  readonly rule: ScheduleRule;
  readonly #isShared: boolean;
  /** Until when each schedule was looked after. */
  readonly #done = new Map<Schedule, number>();
  /** Id of the last call that was queued. */
  call?: string;

  /**
   * @param options.kept what was done for its schedules; a schedule that was not there before begins now
   * @param options.isShared others look after it too: its intervals begin when all of them know
   */
  constructor(
    name: FunctionName,
    rule: ScheduleRule,
    { kept, nowMs, isShared = false }: { kept?: KeptSchedules; nowMs: number; isShared?: boolean },
  ) {
    this.name = name;
    this.rule = rule;
    this.call = kept?.call;
    this.#isShared = isShared;
    for (const schedule of rule.schedules)
      this.#done.set(schedule, kept?.done[schedule.text] ?? this.#begin(schedule, nowMs));
  }

  /** Intervals that several count begin with the epoch. */
  #begin(schedule: Schedule, nowMs: number): number {
    if (!this.#isShared || !schedule.isInterval) return nowMs;
    return schedule.last(0, nowMs) ?? 0;
  }

  /** Tells whether it has each of these schedules, and no other. */
  hasSchedules({ schedules }: ScheduleRule): boolean {
    const same = schedules.length === this.rule.schedules.length;
    return same && schedules.every(({ text }, index) => this.rule.schedules[index]?.text === text);
  }

  /** Puts up with a clock that was set back. An interval goes on from now, times of the day wait until they come again. */
  follow(nowMs: number): boolean {
    const ahead = [...this.#done].filter(
      ([{ isInterval }, doneMs]) => doneMs > nowMs + (isInterval ? 0 : wrongClockMs),
    );
    for (const [schedule] of ahead) this.#done.set(schedule, this.#begin(schedule, nowMs));
    return ahead.length > 0;
  }

  /** Returns the times that have come and are not done, the earliest first; of each schedule the last alone. */
  due(nowMs: number): DueTime[] {
    const due = new Map<number, DueTime>();
    for (const [schedule, doneMs] of this.#done) {
      const atMs = schedule.last(doneMs, nowMs);
      if (atMs === undefined) continue;
      const first = schedule.next(doneMs) ?? atMs;
      due.set(atMs, { atMs, isMissed: nowMs - atMs > lateMs, ids: [first, atMs].map((each) => this.idOf(each)) });
    }
    return [...due.values()].sort((one, other) => one.atMs - other.atMs);
  }

  /** Notes that what was due until a moment is done. */
  doneUntil(atMs: number): void {
    for (const [schedule, doneMs] of this.#done) {
      const last = schedule.last(doneMs, atMs);
      if (last !== undefined) this.#done.set(schedule, last);
    }
  }

  /** Returns when it is due next, undefined for never. */
  nextMs(): number | undefined {
    return this.nextRuns(1, 0)[0];
  }

  /** Returns the next times, at most so many, none before a moment but those that are still to be done. */
  nextRuns(count: number, nowMs: number): number[] {
    const times = [...this.#done].flatMap(([schedule, doneMs]) => {
      const runs: number[] = [];
      const fromMs = schedule.isInterval ? doneMs : Math.max(doneMs, nowMs);
      for (let at = schedule.next(fromMs); at !== undefined && runs.length < count; at = schedule.next(at))
        runs.push(at);
      return runs;
    });
    return [...new Set(times)].sort((one, other) => one - other).slice(0, count);
  }

  /** The id of the call at a time: the same whenever it is asked for, so that no time is queued twice. */
  idOf(atMs: number): string {
    const hash = createHash('sha256').update(fullName(this.name)).digest('hex').slice(0, 10);
    const time = new Date(atMs).toISOString().replace(/[-:]|\.000/g, '');
    return `cron-${this.name.name.slice(0, 20)}-${hash}-${time}`;
  }

  kept(): KeptSchedules {
    return { done: Object.fromEntries([...this.#done].map(([{ text }, doneMs]) => [text, doneMs])), call: this.call };
  }
}
