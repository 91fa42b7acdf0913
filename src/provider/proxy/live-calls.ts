import type { CutStreams } from '../handlers.ts';

/** A call that is under way and can be ended before its function ends it. */
export interface LiveCall {
  /** Ends it as its protocol allows, and says what it was. */
  cut(): keyof CutStreams;
}

/**
 * The calls that are under way over a road. In an array: as a Set's tables replace each other, V8 keeps each with what it held
 * until the old generation is collected, and so every call.
 */
export class LiveCalls {
  readonly #calls: LiveCall[] = [];

  add(call: LiveCall): void {
    this.#calls.push(call);
  }

  delete(call: LiveCall): void {
    const at = this.#calls.lastIndexOf(call);
    if (at === -1) return;
    const last = this.#calls.pop();
    if (last && last !== call) this.#calls[at] = last;
  }

  /** Ends them all; what begins later is not meant. */
  cut(): CutStreams {
    const count: CutStreams = { eventStreams: 0, webSockets: 0, calls: 0 };
    for (const call of [...this.#calls]) count[call.cut()] += 1;
    return count;
  }
}
