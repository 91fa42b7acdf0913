import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from '../base/monotonic.ts';

const bufferBytes = 64 * 1024;
/** Pause after a full read, so that functions that write without end leave the processor to invocations: about 10 MB/s. */
const paceMs = 5;
/** A read that took long, as of a great many short lines, is followed by a pause of as many times that. */
const paceFactor = 3;
const longestPaceMs = 50;

/** Something that is read piece by piece. */
export interface Drainable {
  /** Reads one piece through `buffer`; true when there is more. */
  drainSome(buffer: Buffer): Promise<boolean>;
}

/**
 * Reads tasks that have something, through one buffer: flat in memory however many wait. A task with a line or two is read at
 * once; those that have more than a piece come in turn, paced, and hold up the others for one piece at most.
 */
export class DrainQueue<T extends Drainable> {
  readonly #onDrained: (task: T) => void;
  readonly #onError: (task: T, error: unknown) => void;
  readonly #fresh = new Set<T>();
  /** Those that had more when they were last read. */
  readonly #behind = new Set<T>();
  readonly #buffer = Buffer.allocUnsafe(bufferBytes);
  #restUntilMs = 0;
  #isTurnOfBehind = false;
  #resting?: AbortController;
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
    if (this.#isStopped || this.#behind.has(task)) return;
    this.#fresh.add(task);
    this.#resting?.abort();
    this.#running ??= this.#run();
  }

  /** Takes a task that waits out of the queue. */
  delete(task: T): void {
    this.#fresh.delete(task);
    this.#behind.delete(task);
  }

  /** Forgets all that wait; resolves after the read at hand. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#fresh.clear();
    this.#behind.clear();
    this.#resting?.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#fresh.size + this.#behind.size > 0) {
      const next = this.#next();
      if (next) await this.#drain(next);
      else await this.#rest();
    }
    this.#running = undefined;
  }

  #next(): T | undefined {
    const [fresh] = this.#fresh;
    const [behind] = monotonicMs() < this.#restUntilMs ? [] : this.#behind;
    this.#isTurnOfBehind = behind !== undefined && (this.#isTurnOfBehind || fresh === undefined);
    const next = this.#isTurnOfBehind ? behind : (fresh ?? behind);
    this.#isTurnOfBehind = !this.#isTurnOfBehind;
    if (next) this.delete(next);
    return next;
  }

  async #rest(): Promise<void> {
    this.#resting = new AbortController();
    const { signal } = this.#resting;
    await sleep(Math.max(0, this.#restUntilMs - monotonicMs()), undefined, { signal }).catch(() => {});
    this.#resting = undefined;
  }

  async #drain(task: T): Promise<void> {
    const startMs = monotonicMs();
    try {
      const more = await task.drainSome(this.#buffer);
      this.#onDrained(task);
      if (!more || this.#isStopped) return;
      // What it wrote meanwhile is no reason to be read first.
      this.#fresh.delete(task);
      this.#behind.add(task);
      const endMs = monotonicMs();
      this.#restUntilMs = endMs + Math.min(longestPaceMs, Math.max(paceMs, (endMs - startMs) * paceFactor));
    } catch (error) {
      this.#onError(task, error);
    }
  }
}
