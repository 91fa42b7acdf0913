import { z } from 'zod';
import { FunctionTraffic } from '../calls/function-traffic.ts';
import { Durations } from './durations.ts';
import { RecentCalls } from './recent-calls.ts';

const durations = z.object({ counts: z.array(z.number().nonnegative()), sum: z.number().nonnegative() });

/** What is kept of one function's calls over a restart. */
export const keptCounts = z.object({
  started: z.number().nonnegative(),
  ended: z.record(z.string().regex(/^\d{3}$/), durations),
  queued: durations,
  woken: durations,
});
export type KeptCounts = z.infer<typeof keptCounts>;

/** The calls of one function, in plain numbers. */
export class CallCounts {
  readonly traffic: FunctionTraffic;
  /** How long calls waited that had to. */
  queued = new Durations();
  /** How long it took from the call that found the function asleep until it could be sent. */
  woken = new Durations();
  readonly #ended = new Map<number, Durations>();
  /** What the calls of the last minute were like; absent before the first one has ended. */
  recent?: RecentCalls;
  /** Calls that have begun, and those under way now. */
  started = 0;
  calling = 0;

  constructor(nowMs: number) {
    this.traffic = new FunctionTraffic(nowMs);
  }

  /** Calls that ended, by the status that the caller got. */
  get ended(): ReadonlyMap<number, Durations> {
    return this.#ended;
  }

  /** Calls that have ended. */
  get total(): number {
    let total = 0;
    for (const durations of this.#ended.values()) total += durations.total;
    return total;
  }

  /**
   * Counts a call as ended.
   * @returns whether it is the first one for some seconds
   */
  end(status: number, seconds: number, nowMs: number): boolean {
    this.calling -= 1;
    this.#of(status).observe(seconds);
    this.recent ??= new RecentCalls();
    return this.recent.add(nowMs, seconds * 1000, status >= 500);
  }

  /** Returns what is to be kept: a call under way has not begun for whoever reads it. */
  kept(): KeptCounts {
    const ended = Object.fromEntries([...this.#ended].map(([status, durations]) => [status, durations.kept()]));
    return { started: this.started - this.calling, ended, queued: this.queued.kept(), woken: this.woken.kept() };
  }

  /** Begins again at 0, with the calls that are under way. */
  handedOver(): void {
    this.started = this.calling;
    this.queued = new Durations();
    this.woken = new Durations();
    this.#ended.clear();
  }

  /** Adds what an earlier process kept. */
  add({ started, ended, queued, woken }: KeptCounts): void {
    this.started += started;
    this.queued.add(queued);
    this.woken.add(woken);
    for (const [status, durations] of Object.entries(ended)) this.#of(Number(status)).add(durations);
  }

  #of(status: number): Durations {
    let durations = this.#ended.get(status);
    if (!durations) this.#ended.set(status, (durations = new Durations()));
    return durations;
  }
}
