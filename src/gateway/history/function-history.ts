import { bucketCount, durationAt } from '../metrics/duration-buckets.ts';
import { addInto, type StepCalls } from '../metrics/recent-calls.ts';
import type { FunctionUsageNow } from '../metrics/usage-samples.ts';
import { HistoryRing, type StepNumbers } from './history-ring.ts';

export const spans = {
  hour: { stepSeconds: 10, slots: 360 },
  day: { stepSeconds: 300, slots: 288 },
} as const;
export type HistorySpan = keyof typeof spans;

/** How many steps of the hour are one of the day. */
const perDayStep = spans.day.stepSeconds / spans.hour.stepSeconds;

/** Returns which step of the day a step of the hour is part of. */
export function dayStepOf(hourStep: number): number {
  return Math.floor(hourStep / perDayStep);
}

/** What one function was like in the last hour and the last day. */
export class FunctionHistory {
  readonly rings = { hour: new HistoryRing(spans.hour.slots), day: new HistoryRing(spans.day.slots) };
  /** How long the calls took that ended in the day's step that goes on. */
  readonly #durations = new Float64Array(bucketCount);
  /** The day's step that went on when an earlier process ended. */
  #carried?: { step: number; numbers: StepNumbers };
  /** The last step of the hour of which something is known. */
  lastStep = 0;

  /** Adds the calls that ended in a step of the hour. */
  addCalls(step: number, { durations, errors }: StepCalls, replicas: number | undefined): void {
    const calls = addInto(this.#durations, durations);
    const before = this.rings.hour.get(step);
    this.#set(step, {
      ...before,
      replicas: replicas ?? before?.replicas,
      calls: (before?.calls ?? 0) + calls,
      errors: (before?.errors ?? 0) + errors,
      p50Ms: durationAt(durations, 0.5),
      p99Ms: durationAt(durations, 0.99),
    });
  }

  /** Takes in what its replicas use. */
  addUsage(step: number, { memoryBytes, cpuMillis }: Partial<FunctionUsageNow>, replicas: number | undefined): void {
    const before = this.rings.hour.get(step);
    this.#set(step, { ...before, memoryBytes, cpuMillis, replicas: replicas ?? before?.replicas });
  }

  /**
   * Takes over what an earlier process kept of the day.
   * @param dayStep the one that went on when the process began to read it
   */
  takeOver(bytes: Uint8Array, dayStep: number): void {
    const { day } = this.rings;
    const own = day.get(dayStep);
    day.clear(dayStep);
    day.takeOver(bytes);
    const numbers = day.get(dayStep);
    if (numbers && own) day.set(dayStep, together(numbers, own));
    else if (numbers) this.#carried = { step: dayStep, numbers };
    else if (own) day.set(dayStep, own);
  }

  /** Sums up a step of the day that goes on, or has just ended. */
  sumUp(dayStep: number): void {
    const steps: StepNumbers[] = [];
    for (let step = dayStep * perDayStep; step < (dayStep + 1) * perDayStep; step++)
      steps.push(this.rings.hour.get(step) ?? {});
    const [replicas] = known(steps, 'replicas').sort((a, b) => b - a);
    const numbers = {
      calls: sum(known(steps, 'calls')),
      errors: sum(known(steps, 'errors')),
      p50Ms: durationAt(this.#durations, 0.5),
      p99Ms: durationAt(this.#durations, 0.99),
      memoryBytes: mean(known(steps, 'memoryBytes')),
      cpuMillis: mean(known(steps, 'cpuMillis')),
      replicas,
    };
    const carried = this.#carried?.step === dayStep ? this.#carried.numbers : {};
    this.rings.day.set(dayStep, together(carried, numbers));
  }

  /** Begins the next step of the day. */
  beginDayStep(): void {
    this.#durations.fill(0);
    this.#carried = undefined;
  }

  #set(step: number, numbers: StepNumbers): void {
    this.rings.hour.set(step, numbers);
    this.lastStep = Math.max(this.lastStep, step);
  }
}

/** Of one step, what was before a restart and what was behind it. */
function together(before: StepNumbers, now: StepNumbers): StepNumbers {
  return {
    calls: (before.calls ?? 0) + (now.calls ?? 0),
    errors: (before.errors ?? 0) + (now.errors ?? 0),
    p50Ms: now.p50Ms ?? before.p50Ms,
    p99Ms: now.p99Ms ?? before.p99Ms,
    memoryBytes: now.memoryBytes ?? before.memoryBytes,
    cpuMillis: now.cpuMillis ?? before.cpuMillis,
    replicas: now.replicas ?? before.replicas,
  };
}

function known(steps: StepNumbers[], column: keyof StepNumbers): number[] {
  return steps.flatMap((numbers) => numbers[column] ?? []);
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function mean(numbers: number[]): number | undefined {
  return numbers.length > 0 ? sum(numbers) / numbers.length : undefined;
}
