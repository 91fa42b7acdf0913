import { monotonicMs } from '../../base/monotonic.ts';

/** Runs a step of a start, and keeps when it began and ended. */
export type Timed = <T>(step: string, act: () => Promise<T>) => Promise<T>;

/** Runs a step that belongs to no start. */
export const untimed: Timed = (_, act) => act();

/** When the steps of one start began and ended. */
export class StartTrace {
  readonly #beganMs = monotonicMs();
  readonly #steps: string[] = [];

  readonly timed: Timed = async (step, act) => {
    const fromMs = this.ageMs;
    try {
      return await act();
    } finally {
      this.#steps.push(`${step} ${fromMs}-${this.ageMs}`);
    }
  };

  /** Whole milliseconds since the start began. */
  get ageMs(): number {
    return Math.round(monotonicMs() - this.#beganMs);
  }

  /** Each step as `name from-to`, in milliseconds since the start began, in the order of their ends. */
  get steps(): string {
    return this.#steps.join(', ');
  }
}
