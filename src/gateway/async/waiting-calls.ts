/** Which calls of a lane wait, earliest first: a binary heap of two numbers a call, so that many take little memory. */
export class WaitingCalls {
  readonly #dueMs: number[] = [];
  readonly #seqs: number[] = [];

  get size(): number {
    return this.#seqs.length;
  }

  /** Infinity when none waits. */
  get firstDueMs(): number {
    return this.#dueMs[0] ?? Infinity;
  }

  add(dueMs: number, seq: number): void {
    this.#dueMs.push(dueMs);
    this.#seqs.push(seq);
    this.#rise(this.size - 1);
  }

  /** Does nothing when it is not there. */
  remove(seq: number): void {
    const at = this.#seqs.indexOf(seq);
    if (at !== -1) this.#removeAt(at);
  }

  /** Takes out those that are due, at most so many. */
  takeDue(nowMs: number, most: number): number[] {
    const taken: number[] = [];
    while (taken.length < most && this.firstDueMs <= nowMs) {
      taken.push(this.#seqs[0] ?? 0);
      this.#removeAt(0);
    }
    return taken;
  }

  #removeAt(at: number): void {
    this.#swap(at, this.size - 1);
    this.#dueMs.pop();
    this.#seqs.pop();
    if (at >= this.size) return;
    this.#rise(at);
    this.#sink(at);
  }

  #rise(at: number): void {
    for (let parent = (at - 1) >> 1; at > 0 && this.#order(at, parent) < 0; at = parent, parent = (at - 1) >> 1) {
      this.#swap(at, parent);
    }
  }

  #sink(at: number): void {
    for (;;) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const first = right < this.size && this.#order(right, left) < 0 ? right : left;
      if (first >= this.size || this.#order(at, first) <= 0) return;
      this.#swap(at, first);
      at = first;
    }
  }

  /** What was put there first comes first of those that are due at once. */
  #order(a: number, b: number): number {
    const [dueA = Infinity, dueB = Infinity] = [this.#dueMs[a], this.#dueMs[b]];
    return dueA === dueB ? (this.#seqs[a] ?? 0) - (this.#seqs[b] ?? 0) : dueA - dueB;
  }

  #swap(a: number, b: number): void {
    for (const list of [this.#dueMs, this.#seqs]) {
      const held = list[a] ?? 0;
      list[a] = list[b] ?? 0;
      list[b] = held;
    }
  }
}
