import { setTimeout as sleep } from 'node:timers/promises';

const bufferBytes = 64 * 1024;
/** Pause after a full read, so that functions that write without end leave the processor to invocations: about 10 MB/s. */
const paceMs = 5;

/** Something that is read piece by piece. */
export interface Drainable {
  /** Reads one piece through `buffer`; true when there is more. */
  drainSome(buffer: Buffer): Promise<boolean>;
}

/** Reads tasks that have something, one after another in turn, through one buffer: flat in memory however many wait. */
export class DrainQueue<T extends Drainable> {
  readonly #onDrained: (task: T) => void;
  readonly #onError: (task: T, error: unknown) => void;
  readonly #waiting = new Set<T>();
  readonly #buffer = Buffer.allocUnsafe(bufferBytes);
  #running?: Promise<void>;
  #isStopped = false;

  /**
   * @param onDrained is told each time that a piece of a task was read
   * @param onError is told of a task that could not be read
   */
  constructor(onDrained: (task: T) => void, onError: (task: T, error: unknown) => void) {
    this.#onDrained = onDrained;
    this.#onError = onError;
  }

  /** Has a task read as soon as it is its turn. */
  add(task: T): void {
    if (this.#isStopped) return;
    this.#waiting.add(task);
    this.#running ??= this.#run();
  }

  /** Takes a task that waits out of the queue. */
  delete(task: T): void {
    this.#waiting.delete(task);
  }

  /** Forgets all that wait; resolves after the read at hand. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#waiting.clear();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (const task of this.#waiting) {
      this.#waiting.delete(task);
      await this.#drain(task);
    }
    this.#running = undefined;
  }

  async #drain(task: T): Promise<void> {
    try {
      const more = await task.drainSome(this.#buffer);
      this.#onDrained(task);
      if (!more || this.#isStopped) return;
      this.#waiting.add(task);
      await sleep(paceMs);
    } catch (error) {
      this.#onError(task, error);
    }
  }
}
