/** Keeps one number a second for the last `seconds` seconds, so its memory does not grow with the load. */
export class SecondSlots {
  readonly #values: Float64Array;
  readonly #seconds: Float64Array;

  constructor(seconds: number) {
    // One more for the second that is still going on.
    this.#values = new Float64Array(seconds + 1);
    this.#seconds = new Float64Array(seconds + 1).fill(-1);
  }

  /** Adds to the number of this second. */
  add(nowMs: number, value: number): void {
    const slot = this.#slot(nowMs);
    this.#values[slot] = (this.#values[slot] ?? 0) + value;
  }

  /** Raises the number of this second to `value` when it is smaller. */
  raise(nowMs: number, value: number): void {
    const slot = this.#slot(nowMs);
    this.#values[slot] = Math.max(this.#values[slot] ?? 0, value);
  }

  /** Sums up the last `seconds` whole seconds: the one that goes on would make it look smaller than it is. */
  sum(nowMs: number, seconds: number): number {
    const now = Math.floor(nowMs / 1000);
    return this.#between(now - seconds, now - 1).reduce((total, value) => total + value, 0);
  }

  /** Finds the largest number of the last `seconds` seconds and the one that goes on; 0 when there was nothing. */
  max(nowMs: number, seconds: number): number {
    const now = Math.floor(nowMs / 1000);
    return Math.max(0, ...this.#between(now - seconds, now));
  }

  #slot(nowMs: number): number {
    const second = Math.floor(nowMs / 1000);
    const slot = second % this.#values.length;
    if (this.#seconds[slot] !== second) {
      this.#seconds[slot] = second;
      this.#values[slot] = 0;
    }
    return slot;
  }

  #between(first: number, last: number): Float64Array {
    return this.#values.filter((_, slot) => {
      const second = this.#seconds[slot] ?? -1;
      return second >= 0 && second >= first && second <= last;
    });
  }
}
