import { setTimeout as sleep } from 'node:timers/promises';

export interface WriteBehindOptions<Key> {
  /** Writes what counts for a key now. Rejects where it cannot. */
  write: (key: Key) => Promise<void>;
  /** Is told once when writes begin to fail, with the error; and once, without one, when all have been made up for. */
  onChange: (error?: unknown) => void;
  /** The longest pause between two tries, in milliseconds; 15 s unless given. */
  longestPauseMs?: number;
}

const shortestPauseMs = 100;
/** A call that wakes a function is answered by then: no write of its is in its way. */
const firstPauseMs = 250;

/** Writes what may be late: soon, once for many changes, and again with a back-off until it succeeds. */
export class WriteBehind<Key> {
  readonly #options: WriteBehindOptions<Key>;
  readonly #due = new Set<Key>();
  readonly #stopping = new AbortController();
  #writing?: Promise<void>;
  #isFailing = false;

  constructor(options: WriteBehindOptions<Key>) {
    this.#options = options;
  }

  /** Has what counts for a key written soon. */
  add(key: Key): void {
    this.#due.add(key);
    this.#writing ??= this.#run();
  }

  /** Writes what is due once more, as far as that is possible. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#writing;
    await this.#round();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const longestMs = this.#options.longestPauseMs ?? 15_000;
    await sleep(firstPauseMs, undefined, { signal, ref: false }).catch(() => {});
    for (let pauseMs = shortestPauseMs; !signal.aborted; pauseMs = Math.min(pauseMs * 2, longestMs)) {
      if (await this.#round()) break;
      await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => {});
    }
    // One more may have come in as the last round ended.
    this.#writing = this.#due.size > 0 && !signal.aborted ? this.#run() : undefined;
  }

  /** Returns true when nothing is due any more. */
  async #round(): Promise<boolean> {
    for (const key of [...this.#due]) {
      // What changes from here on is due again.
      this.#due.delete(key);
      try {
        await this.#options.write(key);
      } catch (error) {
        this.#due.add(key);
        this.#say(error);
        // The others are on the same disk.
        return false;
      }
    }
    if (this.#due.size > 0) return this.#round();
    this.#say(undefined);
    return true;
  }

  #say(error: unknown): void {
    const isFailing = error !== undefined;
    if (isFailing === this.#isFailing) return;
    this.#isFailing = isFailing;
    this.#options.onChange(error);
  }
}
