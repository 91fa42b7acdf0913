import type { Timing } from '../timing.ts';

export type RestartTiming = Pick<Timing, 'restartBaseMs' | 'restartMaxMs' | 'stableMs'>;

/** A step that failed is not tried again sooner. */
export const shortestRetryMs = 500;

/** Counts failures in a row, and says how long to wait after each. */
export class BackOff {
  readonly #baseMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #failures = 0;

  /** @param random gives a number from 0 to 1, as Math.random does */
  constructor({ restartBaseMs, restartMaxMs }: RestartTiming, random = Math.random) {
    this.#baseMs = restartBaseMs;
    this.#maxMs = restartMaxMs;
    this.#random = random;
  }

  /** Failures since the last success. */
  get failures(): number {
    return this.#failures;
  }

  /**
   * Counts one more failure.
   * @returns milliseconds before the next try: `shortestMs` after the first failure, then doubling up to the maximum, the
   *   upper half of it random
   */
  failed(shortestMs = 0): number {
    this.#failures += 1;
    if (this.#failures === 1) return shortestMs;
    const fullMs = Math.min(this.#maxMs, this.#baseMs * 2 ** (this.#failures - 2));
    return Math.max(shortestMs, fullMs * (0.5 + this.#random() / 2));
  }

  succeeded(): void {
    this.#failures = 0;
  }
}
