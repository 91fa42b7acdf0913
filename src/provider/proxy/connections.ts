import { Agent } from 'node:http';
import type { Duplex } from 'node:stream';

export interface ConnectionsOptions {
  /** Connections kept open in all while no call uses them. */
  maxIdleConns: number;
  /** Connections kept open to one endpoint while no call uses them. */
  maxIdleConnsPerHost: number;
  /** How long a kept connection may idle; less than the 5 s after which common servers close theirs. */
  idleTimeoutMs: number;
}

/** Keeps connections to functions for the next call. It takes the one used last, so that those not needed idle out. */
export class Connections extends Agent {
  readonly #maxIdleConns: number;

  constructor({ maxIdleConns, maxIdleConnsPerHost: maxFreeSockets, idleTimeoutMs: timeout }: ConnectionsOptions) {
    super({ keepAlive: true, scheduling: 'lifo', maxFreeSockets, timeout });
    this.#maxIdleConns = maxIdleConns;
  }

  /** Tells node, at the end of a call, whether its connection is kept. */
  override keepSocketAlive(socket: Duplex): boolean {
    const idle = Object.values(this.freeSockets).reduce((sum, sockets) => sum + (sockets?.length ?? 0), 0);
    return idle < this.#maxIdleConns && Boolean(super.keepSocketAlive(socket));
  }
}
