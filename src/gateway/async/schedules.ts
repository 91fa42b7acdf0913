import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, type Log } from '../../base/log.ts';
import { parseJson } from '../../base/parse-json.ts';
import { fullName, workloadOf, type FunctionName, type FunctionStatus } from '../../provider/index.ts';
import { CallExistsError } from './queue-errors.ts';
import type { Header, Queue } from './queue.ts';
import { ScheduleFile, type KeptSchedules } from './schedule-file.ts';
import { ScheduledFunction, type DueTime } from './scheduled-function.ts';

/** The wall clock, and a pause. */
export interface ScheduleClock {
  nowMs(): number;
  /** Resolves after so many milliseconds, or when the signal aborts. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

export interface SchedulesOptions {
  queue: Pick<Queue, 'add' | 'get'>;
  /** File of what was done. */
  path: string;
  /** Whether other processes look after the same functions: then all call at the same times, and the queue takes one call. */
  isShared?: boolean;
  log: Log;
  clock?: ScheduleClock;
}

/** A function with schedules, as the API tells of it; moments are in RFC 3339. */
export interface ScheduleView extends FunctionName {
  /** As its annotation has them, each with its time zone. */
  schedules: string[];
  /** When they call it next. */
  nextRuns: string[];
  /** Id of the call that they queued last. */
  lastCall?: string;
}

/** The wall clock may be set forward meanwhile, and functions may be listed seldom. */
const longestPauseMs = 60_000;
/** What failed is tried again then. */
const againMs = 5000;
const shownRuns = 3;

const systemClock: ScheduleClock = {
  nowMs: () => Date.now(),
  pause: (ms, signal) => sleep(ms, undefined, { signal, ref: false }).catch(() => {}),
};

/**
 * Queues a call of each function with `topic: cron-function` at the times of its schedules: once for each time, whatever crashes
 * and clocks that are set do.
 */
export class Schedules {
  readonly #options: SchedulesOptions;
  readonly #clock: ScheduleClock;
  readonly #file: ScheduleFile;
  readonly #functions = new Map<string, ScheduledFunction>();
  /** What is kept of functions that were not listed yet. */
  #kept?: Map<string, KeptSchedules>;
  /** Functions whose calls could not be queued, and why. */
  readonly #failing = new Map<string, string>();
  #isWritten = true;
  /** When the functions were looked at last, and when there is something to do, by the wall clock. */
  #lookedMs = -Infinity;
  #nextMs = Infinity;
  #wake = () => {};

  constructor(options: SchedulesOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#file = new ScheduleFile(options.path, options.log);
  }

  /** Reads what was done before this process; until then no function is looked after. */
  async read(): Promise<void> {
    this.#kept ??= await this.#file.read();
  }

  /** Takes in which functions there are. Once each few seconds is enough. */
  follow(functions: FunctionStatus[]): void {
    if (!this.#kept) return;
    const nowMs = this.#clock.nowMs();
    const there = new Set<string>();
    for (const status of functions) {
      // Most have none, and are not to be read for it.
      const rule = status.annotations?.topic === undefined ? undefined : workloadOf(status).schedule;
      if (!rule) continue;
      const name = fullName(status);
      there.add(name);
      const known = this.#functions.get(name);
      if (known?.rule === rule) continue;
      const kept = known?.kept() ?? this.#kept.get(name);
      const { isShared } = this.#options;
      this.#functions.set(name, new ScheduledFunction(status, rule, { kept, nowMs, isShared }));
      if (!known?.hasSchedules(rule)) this.#isWritten = false;
      this.#nextMs = nowMs;
    }
    for (const name of this.#functions.keys()) if (!there.has(name)) this.#forget(name);
    for (const name of this.#kept.keys()) if (!there.has(name)) this.#isWritten = false;
    this.#kept = new Map();
    if (!this.#isWritten || nowMs >= this.#nextMs || nowMs < this.#lookedMs) this.#wake();
  }

  #forget(name: string): void {
    this.#functions.delete(name);
    this.#failing.delete(name);
    this.#isWritten = false;
  }

  /** Returns the next times of a function's schedules, as they are shown; undefined where it has none. */
  nextRuns(status: FunctionStatus): string[] | undefined {
    const { schedule: rule } = workloadOf(status);
    if (!rule) return undefined;
    const nowMs = this.#clock.nowMs();
    const known = this.#functions.get(fullName(status));
    const fn = known?.hasSchedules(rule)
      ? known
      : new ScheduledFunction(status, rule, { kept: known?.kept(), nowMs, isShared: this.#options.isShared });
    return runsOf(fn, nowMs);
  }

  /** Lists the functions that have schedules, as they were last taken in. */
  list(): ScheduleView[] {
    const nowMs = this.#clock.nowMs();
    return [...this.#functions.values()].map((fn) => {
      const { name, namespace } = fn.name;
      const schedules = fn.rule.schedules.map(({ text }) => text);
      return { name, namespace, schedules, nextRuns: runsOf(fn, nowMs), lastCall: fn.call };
    });
  }

  /** Queues what is due until the signal aborts, and resolves once that is written; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    await this.read();
    let pause = new AbortController();
    this.#wake = () => pause.abort();
    signal.addEventListener('abort', this.#wake);
    while (!signal.aborted) {
      pause = new AbortController();
      const pauseMs = await this.#look();
      if (!signal.aborted) await this.#clock.pause(pauseMs, pause.signal);
    }
  }

  /** Looks at every function once. Returns how long there is nothing to do, as far as is known. */
  async #look(): Promise<number> {
    const nowMs = this.#clock.nowMs();
    this.#lookedMs = nowMs;
    // Together: a queue makes what comes at the same time durable at once.
    await Promise.all([...this.#functions.values()].map((fn) => this.#lookAt(fn, nowMs)));
    if (!this.#isWritten) await this.#write();
    const next = [...this.#functions.values()].map((fn) => fn.nextMs() ?? Infinity);
    this.#nextMs = Math.min(Infinity, ...next);
    const pauseMs = Math.min(longestPauseMs, this.#nextMs - this.#clock.nowMs());
    return this.#failing.size > 0 || !this.#isWritten ? againMs : Math.max(0, pauseMs);
  }

  async #write(): Promise<void> {
    this.#isWritten = true;
    const kept = [...this.#functions].map(([name, fn]) => [name, fn.kept()] as const);
    if (!(await this.#file.write(new Map(kept)))) this.#isWritten = false;
  }

  async #lookAt(fn: ScheduledFunction, nowMs: number): Promise<void> {
    const name = fullName(fn.name);
    if (fn.follow(nowMs)) this.#isWritten = false;
    try {
      for (const due of fn.due(nowMs)) {
        await this.#call(fn, due);
        fn.doneUntil(due.atMs);
        this.#isWritten = false;
      }
      this.#failing.delete(name);
    } catch (error) {
      const said = describeError(error);
      const problem = 'cannot queue the call of a schedule, which is tried again';
      if (this.#failing.get(name) !== said) this.#options.log.warn(problem, { function: name, error });
      this.#failing.set(name, said);
    }
  }

  async #call(fn: ScheduledFunction, { atMs, isMissed, ids }: DueTime): Promise<void> {
    const { log, queue } = this.#options;
    const { rule, name } = fn;
    const id = fn.idOf(atMs);
    const fields = { function: fullName(name), due: new Date(atMs).toISOString() };
    if (isMissed && rule.missed === 'none') return log.info('a time of a schedule was missed', fields);
    const before = rule.overlap ? undefined : await this.#unended([fn.call, ...ids]);
    if (before !== undefined) {
      fn.call = before;
      if (before !== id)
        log.info('a time of a schedule is left out: the run before goes on', { ...fields, call: before });
      return;
    }
    try {
      await queue.add(
        { id, kind: 'call', fn: name, path: '/', headers: headersOf(id, rule.body) },
        Buffer.from(rule.body),
      );
      log.debug('call of a schedule queued', { ...fields, call: id });
    } catch (error) {
      // Queued before a crash that came before it was noted.
      if (!(error instanceof CallExistsError)) throw error;
    }
    fn.call = id;
  }

  /** Returns the first of these calls that has not ended. */
  async #unended(ids: (string | undefined)[]): Promise<string | undefined> {
    for (const id of new Set(ids)) {
      const state = id === undefined ? undefined : (await this.#options.queue.get(id))?.state;
      if (state === 'queued' || state === 'running') return id;
    }
    return undefined;
  }
}

function runsOf(fn: ScheduledFunction, nowMs: number): string[] {
  return fn.nextRuns(shownRuns, nowMs).map((at) => new Date(at).toISOString());
}

/** Returns the headers that cron-connector sends. */
function headersOf(id: string, body: string): Header[] {
  const type = parseJson(body) === undefined ? 'text/plain; charset=utf-8' : 'application/json';
  const headers: Header[] = [
    ['X-Call-Id', id],
    ['X-Topic', 'cron-function'],
    ['X-Connector', 'cron-connector'],
  ];
  return body === '' ? headers : [...headers, ['Content-Type', type]];
}
