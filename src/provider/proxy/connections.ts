import { Agent, type ClientRequest, type ClientRequestArgs } from 'node:http';
import type { Duplex } from 'node:stream';
import { FunctionSocket } from './function-socket.ts';
import type { RoadOptions } from './road.ts';

export type ConnectionsOptions = Required<Omit<RoadOptions, 'maxHeaderBytes'>>;

/** Keeps connections to functions for the next call. It takes the one used last, so that those not needed idle out. */
export class Connections extends Agent {
  readonly #maxIdleConns: number;
  readonly #connectTimeoutMs: number;
  readonly #idle = new Set<Duplex>();

  constructor({ maxIdleConns, maxIdleConnsPerHost, idleConnTimeoutMs, connectTimeoutMs }: ConnectionsOptions) {
    super({ keepAlive: true, scheduling: 'lifo', maxFreeSockets: maxIdleConnsPerHost, timeout: idleConnTimeoutMs });
    this.#maxIdleConns = maxIdleConns;
    this.#connectTimeoutMs = connectTimeoutMs;
  }

  override createConnection({ host, port }: ClientRequestArgs): FunctionSocket {
    const socket = new FunctionSocket({ hostname: host ?? '', port: Number(port) }, this.#connectTimeoutMs);
    return socket.once('close', () => this.#idle.delete(socket));
  }

  /** Tells node, at the end of a call, whether its connection is kept. */
  override keepSocketAlive(socket: Duplex): boolean {
    const isKept = this.#idle.size < this.#maxIdleConns && Boolean(super.keepSocketAlive(socket));
    if (isKept) this.#idle.add(socket);
    return isKept;
  }

  /** Told by node that a call takes a kept connection. */
  override reuseSocket(socket: Duplex, request: ClientRequest): void {
    this.#idle.delete(socket);
    super.reuseSocket(socket, request);
  }
}
