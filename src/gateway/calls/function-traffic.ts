import { SecondSlots } from './second-slots.ts';

/** Reacts to a rise. */
const fastSeconds = 10;
/** Keeps what was scaled up through a pause. */
const slowSeconds = 30;
const peakSeconds = 45;

/** How long a call still counts in what is measured here. */
export const memoryMs = peakSeconds * 1000;

/** The calls of one function: how many now, how many lately, since when none. Moments are on one monotonic clock. */
export class FunctionTraffic {
  readonly #ended = new SecondSlots(slowSeconds);
  readonly #peaks = new SecondSlots(peakSeconds);
  #inFlight = 0;
  #total = 0;
  #lastActivityMs: number;

  constructor(nowMs: number) {
    this.#lastActivityMs = nowMs;
  }

  /** Calls under way, those that are held for a replica included. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Calls ended since the start. */
  get total(): number {
    return this.#total;
  }

  get lastActivityMs(): number {
    return this.#lastActivityMs;
  }

  enter(nowMs: number): void {
    this.touch(nowMs);
    this.#inFlight += 1;
    this.#peaks.raise(nowMs, this.#inFlight);
  }

  leave(nowMs: number): void {
    this.touch(nowMs);
    this.#peaks.raise(nowMs, this.#inFlight);
    this.#inFlight -= 1;
  }

  ended(nowMs: number): void {
    this.#total += 1;
    this.#ended.add(nowMs, 1);
  }

  /** Idleness counts from here. */
  touch(nowMs: number): void {
    this.#lastActivityMs = nowMs;
  }

  /** For how long there has been no call; 0 while one is under way, however quiet. */
  idleMs(nowMs: number): number {
    return this.#inFlight > 0 ? 0 : nowMs - this.#lastActivityMs;
  }

  /** Calls that ended per second: the larger of the last 10 and the last 30 seconds. */
  endedPerSecond(nowMs: number): number {
    return Math.max(
      this.#ended.sum(nowMs, fastSeconds) / fastSeconds,
      this.#ended.sum(nowMs, slowSeconds) / slowSeconds,
    );
  }

  /** The most calls at once within the last 45 seconds. */
  peakInFlight(nowMs: number): number {
    return Math.max(this.#inFlight, this.#peaks.max(nowMs, peakSeconds));
  }
}
