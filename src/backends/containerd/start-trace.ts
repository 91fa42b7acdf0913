import { monotonicMs } from '../../base/monotonic.ts';

/** Runs a step of a start, and keeps when it began and ended. */
export type Timed = <T>(step: string, act: () => Promise<T>) => Promise<T>;

/** Runs a step that belongs to no start. */
export const untimed: Timed = (_, act) => act();

interface TracedStep {
  step: string;
  fromMs: number;
  /** Absent while it is under way. */
  toMs?: number;
}

/** When the steps of one start began and ended. */
export class StartTrace {
  readonly #beganMs = monotonicMs();
  readonly #steps: TracedStep[] = [];

  readonly timed: Timed = async (name, act) => {
    const step: TracedStep = { step: name, fromMs: this.ageMs };
    this.#steps.push(step);
    try {
      return await act();
    } finally {
      step.toMs = this.ageMs;
    }
  };

  /** Whole milliseconds since the start began. */
  get ageMs(): number {
    return Math.round(monotonicMs() - this.#beganMs);
  }

  /** Each step as `name from-to`, in milliseconds since the start began, in the order of their begins; `name from-` of one under way. */
  get steps(): string {
    return this.#steps.map(({ step, fromMs, toMs = '' }) => `${step} ${fromMs}-${toMs}`).join(', ');
  }
}
