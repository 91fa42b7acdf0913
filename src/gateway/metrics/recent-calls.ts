import { bucketCount, bucketOf, durationAt } from './duration-buckets.ts';

/** Calls are told apart by steps of so long. */
export const recentStepMs = 10_000;
/** A minute, and the step that goes on. */
const stepCount = 7;
const minuteSteps = stepCount - 1;
/** The durations of a step, and behind them how many of its calls failed. */
const width = bucketCount + 1;

/** What the calls of the last minute were like. */
export interface LastMinute {
  callsPerSecond: number;
  /** Half of the calls took no longer; absent where there were none. */
  p50Ms?: number;
  p99Ms?: number;
  /** From 0 to 1: calls that were answered with a status of 500 and above. */
  errorShare?: number;
}

/** What the calls of one step were like. */
export interface StepCalls {
  /** How many there were of each bucket of durations. */
  durations: Uint32Array;
  errors: number;
}

/** Counts the calls of one function in the last minute by how long they took. Its memory is fixed, and a call allocates nothing. */
export class RecentCalls {
  readonly #steps = new Float64Array(stepCount).fill(-1);
  readonly #counts = new Uint32Array(stepCount * width);

  /**
   * Counts a call that has ended.
   * @returns whether it is the first one of its step
   */
  add(nowMs: number, ms: number, isError: boolean): boolean {
    const step = Math.floor(nowMs / recentStepMs);
    const slot = step % stepCount;
    const isFirst = this.#steps[slot] !== step;
    if (isFirst) {
      this.#counts.fill(0, slot * width, (slot + 1) * width);
      this.#steps[slot] = step;
    }
    this.#count(slot * width + bucketOf(ms));
    if (isError) this.#count(slot * width + bucketCount);
    return isFirst;
  }

  /** Returns the calls of a step, numbered as the clock counts them; undefined where it had none. */
  of(step: number): StepCalls | undefined {
    const slot = step % stepCount;
    if (this.#steps[slot] !== step) return undefined;
    const counts = this.#counts.subarray(slot * width, (slot + 1) * width);
    return { durations: counts.subarray(0, bucketCount), errors: counts[bucketCount] ?? 0 };
  }

  /** Says whether there were calls in the last minute. */
  isBusy(nowMs: number): boolean {
    const oldest = Math.floor(nowMs / recentStepMs) - minuteSteps;
    return this.#steps.some((step) => step >= oldest);
  }

  /** Of the oldest step, which the minute began in, as many calls count as are likely to be of it. */
  lastMinute(nowMs: number): LastMinute {
    const now = Math.floor(nowMs / recentStepMs);
    const oldestShare = 1 - (nowMs / recentStepMs - now);
    const sums = new Float64Array(bucketCount);
    let [calls, recent, errors] = [0, 0, 0];
    for (let step = now - minuteSteps; step <= now; step++) {
      const of = this.of(step);
      if (!of) continue;
      const ofStep = addInto(sums, of.durations);
      calls += ofStep;
      recent += ofStep * (step === now - minuteSteps ? oldestShare : 1);
      errors += of.errors;
    }
    if (calls === 0) return { callsPerSecond: 0 };
    const [p50Ms, p99Ms] = [durationAt(sums, 0.5), durationAt(sums, 0.99)];
    return { callsPerSecond: recent / 60, p50Ms, p99Ms, errorShare: errors / calls };
  }

  #count(at: number): void {
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
  }
}

/** Adds the counts of each bucket. Returns how many were added. */
export function addInto(sums: Float64Array, counts: ArrayLike<number>): number {
  let total = 0;
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    const count = counts[bucket] ?? 0;
    sums[bucket] = (sums[bucket] ?? 0) + count;
    total += count;
  }
  return total;
}
