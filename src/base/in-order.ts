import pLimit, { type LimitFunction } from 'p-limit';

interface Queue {
  run: LimitFunction;
  /** Pieces of work that run or wait. */
  users: number;
}

/** Runs the work of one key one after another, in the order of its arrival; the work of different keys side by side. */
export class InOrder<Key = string> {
  readonly #queues = new Map<Key, Queue>();
  readonly #atOnce: LimitFunction;

  /** @param atOnce how many pieces of work may run at the same time over all keys; no limit unless given. */
  constructor(atOnce = Infinity) {
    this.#atOnce = pLimit(atOnce);
  }

  /** Resolves or rejects as `work` does; work that fails keeps nobody behind it from running. */
  async run<T>(key: Key, work: () => Promise<T>): Promise<T> {
    const queue = this.#queues.get(key) ?? { run: pLimit(1), users: 0 };
    this.#queues.set(key, queue);
    queue.users += 1;
    try {
      return await queue.run(() => this.#atOnce(work));
    } finally {
      queue.users -= 1;
      if (queue.users === 0) this.#queues.delete(key);
    }
  }

  /** Resolves when nothing runs or waits any more of what has been given so far. */
  async idle(): Promise<void> {
    await Promise.all([...this.#queues.keys()].map((key) => this.run(key, () => Promise.resolve())));
  }
}
