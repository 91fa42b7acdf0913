import { setImmediate as nextTurn } from 'node:timers/promises';

/** How much of a burst goes on at once: some milliseconds on a small host. */
const slice = 25;

/** Slices a burst of work, as when a thousand functions are compared at once: between two slices the event loop does the rest. */
export class Breather {
  #count = 0;
  #turn: Promise<void> = Promise.resolve();

  /** Resolves when the caller may go on: at once, except in a burst. */
  next(): Promise<void> {
    this.#count += 1;
    if (this.#count % slice === 0) this.#turn = this.#turn.then(() => nextTurn());
    return this.#turn;
  }
}
