import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** Knows the responses that are owed on each connection. */
export class OwedAnswers {
  readonly #responses = new WeakMap<Duplex, ServerResponse[]>();

  add(socket: Duplex, res: ServerResponse): void {
    const owed = this.#owedOn(socket);
    if (!owed) this.#responses.set(socket, [res]);
    // In its place: a list that is emptied and filled again allocates each time.
    else if (owed[0]?.closed) owed[0] = res;
    else owed.push(res);
  }

  /** Returns the response that is being written to the connection. */
  on(socket: Duplex): ServerResponse | undefined {
    const first = this.#owedOn(socket)?.[0];
    return first?.closed ? undefined : first;
  }

  /** Those that have closed are taken out here, but for the last: to be told by each would cost every call a listener. */
  #owedOn(socket: Duplex): ServerResponse[] | undefined {
    const owed = this.#responses.get(socket);
    while (owed && owed.length > 1 && owed[0]?.closed) owed.shift();
    return owed;
  }
}
