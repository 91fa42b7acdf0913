import { monotonicMs } from '../../../base/monotonic.ts';
import type { FunctionAddress } from '../function-socket.ts';
import type { ConnectionsOptions } from '../connections.ts';
import { FunctionConnection, keyOf } from './function-connection.ts';

const sweepMs = 500;

/** Node's servers close a little early or late; a request must not meet that. */
const hintMarginMs = 1000;

/** Keeps connections to functions for the next call. It gives the one used last, so that those not needed idle out. */
export class ConnectionPool {
  readonly #options: ConnectionsOptions;
  /** Idle connections of each endpoint, the one used last at the end. */
  readonly #idle = new Map<string, FunctionConnection[]>();
  #idleCount = 0;
  #sweeper?: NodeJS.Timeout;
  #isClosed = false;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  /** Takes a kept connection, if there is one. */
  take(address: FunctionAddress): FunctionConnection | undefined {
    const kept = this.#idle.get(keyOf(address));
    const nowMs = monotonicMs();
    for (let connection = kept?.pop(); connection; connection = kept?.pop()) {
      this.#idleCount -= 1;
      if (connection.isUsable && connection.idleUntilMs > nowMs) return connection;
      connection.socket.destroy();
    }
    return undefined;
  }

  /** Begins a new connection. */
  open(address: FunctionAddress): FunctionConnection {
    return new FunctionConnection(address, this.#options.connectTimeoutMs, (closed) => this.#forget(closed));
  }

  /**
   * Keeps a connection for the next call, or closes it.
   * @param keepMs how long the function keeps it; 0 when it does not.
   */
  put(connection: FunctionConnection, keepMs: number): void {
    const { maxIdleConns, maxIdleConnsPerHost, idleConnTimeoutMs } = this.#options;
    let kept = this.#idle.get(connection.key);
    if (!kept) this.#idle.set(connection.key, (kept = []));
    const idleMs = Math.min(idleConnTimeoutMs, keepMs - hintMarginMs);
    const isFull = kept.length >= maxIdleConnsPerHost || this.#idleCount >= maxIdleConns;
    connection.use(undefined);
    if (isFull || idleMs <= 0 || this.#isClosed || !connection.isUsable) return void connection.socket.destroy();
    connection.idleUntilMs = monotonicMs() + idleMs;
    kept.push(connection);
    this.#idleCount += 1;
    this.#sweeper ??= setInterval(() => this.#sweep(monotonicMs()), sweepMs).unref();
  }

  /** Closes what is kept, and keeps nothing more. */
  close(): void {
    this.#isClosed = true;
    this.#sweep(Infinity);
  }

  /** Closes what has idled for long; there is a timer only while something idles. */
  #sweep(nowMs: number): void {
    for (const [key, kept] of this.#idle) {
      const left = kept.filter(({ idleUntilMs }) => idleUntilMs > nowMs);
      const ended = kept.filter(({ idleUntilMs }) => idleUntilMs <= nowMs);
      this.#idleCount -= ended.length;
      if (left.length > 0) this.#idle.set(key, left);
      else this.#idle.delete(key);
      for (const { socket } of ended) socket.destroy();
    }
    if (this.#idle.size > 0) return;
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }

  #forget(closed: FunctionConnection): void {
    const kept = this.#idle.get(closed.key);
    const at = kept?.indexOf(closed) ?? -1;
    if (at === -1) return;
    kept?.splice(at, 1);
    this.#idleCount -= 1;
  }
}
