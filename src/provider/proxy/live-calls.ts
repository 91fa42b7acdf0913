import type { CutStreams } from '../handlers.ts';

/** A call that is under way and can be ended before its function ends it. */
export interface LiveCall {
  /** Ends it as its protocol allows, and says what it was. */
  cut(): keyof CutStreams;
}

/** The calls that are under way over a road. */
export class LiveCalls {
  readonly #calls = new Set<LiveCall>();

  add(call: LiveCall): void {
    this.#calls.add(call);
  }

  delete(call: LiveCall): void {
    this.#calls.delete(call);
  }

  /** Ends them all; what begins later is not meant. */
  cut(): CutStreams {
    const count: CutStreams = { eventStreams: 0, webSockets: 0, calls: 0 };
    for (const call of [...this.#calls]) count[call.cut()] += 1;
    return count;
  }
}
