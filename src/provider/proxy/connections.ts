import { Agent } from 'node:http';
import type { Duplex } from 'node:stream';

export interface ConnectionsOptions {
  /** Kept open in all while no call uses them. */
  maxIdleConns: number;
  /** Kept open to one endpoint while no call uses them. */
  maxIdleConnsPerHost: number;
  idleTimeoutMs: number;
}

/** Connections to functions, kept for the next call: the latest first, so that what is not needed idles out. */
export class Connections extends Agent {
  readonly #maxIdleConns: number;

  constructor({ maxIdleConns, maxIdleConnsPerHost: maxFreeSockets, idleTimeoutMs: timeout }: ConnectionsOptions) {
    super({ keepAlive: true, scheduling: 'lifo', maxFreeSockets, timeout });
    this.#maxIdleConns = maxIdleConns;
  }

  /** Asked by node when a call has ended. */
  override keepSocketAlive(socket: Duplex): boolean {
    const idle = Object.values(this.freeSockets).reduce((sum, sockets) => sum + (sockets?.length ?? 0), 0);
    return idle < this.#maxIdleConns && Boolean(super.keepSocketAlive(socket));
  }
}
