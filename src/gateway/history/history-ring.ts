/** What is kept of a step, in this order. */
export const historyColumns = ['calls', 'errors', 'p50Ms', 'p99Ms', 'memoryBytes', 'cpuMillis', 'replicas'] as const;

export type HistoryColumn = (typeof historyColumns)[number];

/** What a function was like in one step; what is absent is not known. */
export type StepNumbers = Partial<Record<HistoryColumn, number>>;

/** The step's number and the columns, four bytes each. */
export const slotBytes = 4 * (1 + historyColumns.length);
const width = slotBytes / 4;

/**
 * Keeps the numbers of the last so many steps. A step's number is the time of the wall clock in lengths of a step; its slot is
 * overwritten by the one that comes so many later.
 */
export class HistoryRing {
  readonly slots: number;
  /** All slots, as they are on disk. */
  readonly bytes: Uint8Array;
  readonly #steps: Uint32Array;
  readonly #numbers: Float32Array;

  constructor(slots: number) {
    const buffer = new ArrayBuffer(slots * slotBytes);
    this.slots = slots;
    this.bytes = new Uint8Array(buffer);
    this.#steps = new Uint32Array(buffer);
    this.#numbers = new Float32Array(buffer);
  }

  /** Returns what is known of a step; undefined where nothing is. */
  get(step: number): StepNumbers | undefined {
    const at = this.#at(step);
    if (this.#steps[at] !== step) return undefined;
    const numbers: StepNumbers = {};
    for (const [column, name] of historyColumns.entries()) {
      const value = this.#numbers[at + 1 + column] ?? NaN;
      // What a broken disk has made of a number is none.
      if (Number.isFinite(value) && value >= 0) numbers[name] = value;
    }
    return numbers;
  }

  set(step: number, numbers: StepNumbers): void {
    const at = this.#at(step);
    this.#steps[at] = step;
    for (const [column, name] of historyColumns.entries()) this.#numbers[at + 1 + column] = numbers[name] ?? NaN;
  }

  /** Forgets a step. */
  clear(step: number): void {
    if (this.#steps[this.#at(step)] === step) this.#steps[this.#at(step)] = 0;
  }

  /** Returns the bytes of a step's slot. */
  slotOf(step: number): Uint8Array {
    const at = (step % this.slots) * slotBytes;
    return this.bytes.subarray(at, at + slotBytes);
  }

  /** Takes over steps of another ring of this size, as it was on disk, where this one has none. */
  takeOver(bytes: Uint8Array): void {
    const other = new HistoryRing(this.slots);
    other.bytes.set(bytes.subarray(0, other.bytes.length));
    for (let slot = 0; slot < this.slots; slot++) {
      const step = other.#steps[slot * width] ?? 0;
      const numbers = step % this.slots === slot && step > (this.#steps[slot * width] ?? 0) && other.get(step);
      if (numbers) this.set(step, numbers);
    }
  }

  #at(step: number): number {
    return (step % this.slots) * width;
  }
}
