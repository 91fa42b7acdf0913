import { SecondSlots } from './second-slots.ts';

/** Window of calls ended that follows a rise. */
const fastSeconds = 10;
/** Window of calls ended that keeps what was scaled up through a pause. */
const slowSeconds = 30;
/** Window of calls at once. */
const peakSeconds = 45;

/** How long a call still counts in what is measured here. */
export const memoryMs = peakSeconds * 1000;

/** Measures the calls of one function: how many now, how many lately, since when none. Moments are on one monotonic clock. */
export class FunctionTraffic {
  readonly #ended = new SecondSlots(slowSeconds);
  readonly #peaks = new SecondSlots(peakSeconds);
  #inFlight = 0;
  #lastActivityMs: number;

  constructor(nowMs: number) {
    this.#lastActivityMs = nowMs;
  }

  /** Calls under way, those that are held for a replica included. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** When a call last began or ended, or `touch` was called. */
  get lastActivityMs(): number {
    return this.#lastActivityMs;
  }

  /** A call begins, or begins to be held. */
  enter(nowMs: number): void {
    this.touch(nowMs);
    this.#inFlight += 1;
    this.#peaks.raise(nowMs, this.#inFlight);
  }

  /** A call that has entered is in flight no more. */
  leave(nowMs: number): void {
    this.touch(nowMs);
    this.#peaks.raise(nowMs, this.#inFlight);
    this.#inFlight -= 1;
  }

  /** A call was answered, or its caller left. */
  ended(nowMs: number): void {
    this.#ended.add(nowMs, 1);
  }

  /** Lets idleness count from this moment, unless there was something later. */
  touch(atMs: number): void {
    this.#lastActivityMs = Math.max(this.#lastActivityMs, atMs);
  }

  /** Says for how long there has been no call; 0 while one is under way, however quiet. */
  idleMs(nowMs: number): number {
    return this.#inFlight > 0 ? 0 : nowMs - this.#lastActivityMs;
  }

  /** Says how many calls ended per second: the larger of the last 10 and the last 30 seconds. */
  endedPerSecond(nowMs: number): number {
    return Math.max(
      this.#ended.sum(nowMs, fastSeconds) / fastSeconds,
      this.#ended.sum(nowMs, slowSeconds) / slowSeconds,
    );
  }

  /** Says how many calls there were at once, at most, within the last 45 seconds. */
  peakInFlight(nowMs: number): number {
    return Math.max(this.#inFlight, this.#peaks.max(nowMs, peakSeconds));
  }
}
