/** Work for one key runs in order, work for different keys in parallel, no more than `limit` at a time. */
export class Turns {
  readonly #limit: number;
  readonly #lastOf = new Map<string, Promise<unknown>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  async take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#lastOf.get(key) ?? Promise.resolve();
    const bounded = () => this.#bounded(work);
    const mine = before.then(bounded, bounded);
    this.#lastOf.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#lastOf.get(key) === mine) this.#lastOf.delete(key);
    }
  }

  async #bounded<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#limit) this.#running++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      // The slot goes straight to who waits, so that nobody overtakes.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }
}
