import type { Registry } from '@prometheus-io/client';
import { monotonicMs } from '../../base/monotonic.ts';
import { type FunctionName, fullName } from '../../provider/index.ts';
import type { FunctionTraffic } from '../calls/function-traffic.ts';
import { CallCounts, type KeptCounts } from './call-counts.ts';
import { callSeries } from './call-series.ts';
import type { LastMinute, RecentCalls } from './recent-calls.ts';

/** A call under way; `end` takes the status that the caller got. */
export interface Invocation {
  end(status: number): void;
}

/** What is told of a function's calls on a page. */
export interface CallFigures {
  /** Calls that have ended, in this process and in those before it. */
  calls: number;
  inFlight: number;
  /** Absent where none has ended in this process. */
  minute?: LastMinute;
}

/** A wait that is no longer is the work of the process itself. */
const shortestWaitMs = 1;

/**
 * Counts the calls of each function, for metrics and for the list, and measures its traffic. Only calls of known functions
 * come here, so that callers cannot make series.
 */
export class Invocations {
  readonly #functions = new Map<string, CallCounts>();
  readonly #nowMs: () => number;
  /** Full names of those that had calls since `takeActive`. */
  #active = new Set<string>();
  #begun = 0;
  #changes = 0;

  /** @param nowMs a monotonic clock. */
  constructor(registry: Registry, nowMs: () => number = monotonicMs) {
    this.#nowMs = nowMs;
    callSeries(registry, this.#functions);
  }

  /** How many calls of all functions have begun since the start. */
  get begun(): number {
    return this.#begun;
  }

  /** How often what is kept over a restart has changed since the start. */
  get changes(): number {
    return this.#changes;
  }

  /** Counts a call as begun. */
  begin(fn: FunctionName): Invocation {
    this.#begun += 1;
    const key = fullName(fn);
    const counts = this.#counts(key);
    const startedMs = this.#nowMs();
    counts.traffic.enter(startedMs);
    counts.started += 1;
    counts.calling += 1;
    return {
      end: (status) => {
        const endedMs = this.#nowMs();
        counts.traffic.leave(endedMs);
        counts.traffic.ended(endedMs);
        if (counts.end(status, (endedMs - startedMs) / 1000, endedMs)) this.#active.add(key);
        this.#changes += 1;
      },
    };
  }

  /**
   * Counts a call that waits for a replica as one in flight. A name that was never counted may be nobody's and is not
   * remembered.
   * @returns what says that the call waits no more.
   */
  hold(fn: FunctionName): () => void {
    const traffic = this.#functions.get(fullName(fn))?.traffic;
    const beganMs = this.#nowMs();
    traffic?.enter(beganMs);
    return () => {
      const endedMs = this.#nowMs();
      traffic?.leave(endedMs);
      if (endedMs - beganMs < shortestWaitMs) return;
      this.#functions.get(fullName(fn))?.queued.observe((endedMs - beganMs) / 1000);
      this.#changes += 1;
    };
  }

  /** Counts a function as woken from zero by a call, which waited for so long. */
  woken(fn: FunctionName, ms: number): void {
    this.#counts(fullName(fn)).woken.observe(ms / 1000);
    this.#changes += 1;
  }

  /** Returns the traffic of a function that is known to be there; it begins now when there was none. */
  traffic(fn: FunctionName): FunctionTraffic {
    return this.#counts(fullName(fn)).traffic;
  }

  /** Counts the calls that have ended, in this process and in those before it. */
  count(fn: FunctionName): number {
    return this.#functions.get(fullName(fn))?.total ?? 0;
  }

  /** Returns what the calls of a function are like, by its full name. */
  figures(key: string): CallFigures {
    const counts = this.#functions.get(key);
    if (!counts) return { calls: 0, inFlight: 0 };
    const { total: calls, traffic, recent } = counts;
    return { calls, inFlight: traffic.inFlight, minute: recent?.lastMinute(this.#nowMs()) };
  }

  /** Says whether a function has calls, or had some in the last minute, by its full name. */
  isBusy(key: string): boolean {
    const counts = this.#functions.get(key);
    return counts !== undefined && (counts.traffic.inFlight > 0 || counts.recent?.isBusy(this.#nowMs()) === true);
  }

  /** Returns the full names of functions of which calls have ended since this was asked last. */
  takeActive(): Set<string> {
    const active = this.#active;
    this.#active = new Set();
    return active;
  }

  /** Returns the calls of the last minute of a function, by its full name. */
  recent(key: string): RecentCalls | undefined {
    return this.#functions.get(key)?.recent;
  }

  /** Drops what is kept for functions that are not in `existing`, unless they had traffic since `sinceMs`. */
  forgetOthers(existing: ReadonlySet<string>, sinceMs: number): void {
    for (const [name, { traffic }] of this.#functions)
      if (!existing.has(name) && traffic.inFlight === 0 && traffic.lastActivityMs < sinceMs) {
        this.#functions.delete(name);
        this.#changes += 1;
      }
  }

  /** Begins again at 0, with the calls that are under way: what was counted so far is another process's. */
  handedOver(): void {
    this.#changes += 1;
    for (const [name, counts] of this.#functions)
      if (counts.calling === 0) this.#functions.delete(name);
      else counts.handedOver();
  }

  /** Returns what is to be kept over a restart, by the functions' full names. */
  kept(): Record<string, KeptCounts> {
    return Object.fromEntries([...this.#functions].map(([name, counts]) => [name, counts.kept()]));
  }

  /** Adds what an earlier process kept. */
  add(kept: Record<string, KeptCounts>): void {
    this.#changes += 1;
    for (const [name, counts] of Object.entries(kept)) this.#counts(name).add(counts);
  }

  #counts(name: string): CallCounts {
    const known = this.#functions.get(name);
    if (known) return known;
    const counts = new CallCounts(this.#nowMs());
    this.#functions.set(name, counts);
    this.#changes += 1;
    return counts;
  }
}
