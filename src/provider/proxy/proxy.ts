import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { CallOutcome } from '../provider.ts';

/**
 * Carries one call to a function and its reply back, streaming both ways. When the outcome comes with `res.headersSent`
 * still false and `failure` is not `aborted`, the caller of `web` owes the reply; likewise for a socket given to `upgrade`.
 */
export interface Proxy {
  web(req: IncomingMessage, res: ServerResponse, target: ProxyTarget): Promise<ProxyOutcome>;
  /** Settles when the upgraded connection has ended. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer, target: ProxyTarget): Promise<ProxyOutcome>;
  close(): void;
}

export interface ProxyTarget {
  hostname: string;
  port: number;
  /** Path and query exactly as the function must see them, byte for byte. */
  path: string;
  /** Headers set over the caller's. */
  headers?: Record<string, string>;
  /** Until the reply's headers, and until its end unless it is an event stream. */
  timeoutMs?: number;
  /** Hold back a watchdog's "my process is not there yet" when the request can be sent again. */
  holdNotReady?: boolean;
}

export interface ProxyOutcome extends CallOutcome {
  /** Nothing was answered and the same `req` may be given to `web` again. */
  canRetry?: boolean;
  /** Why it failed, for the log. */
  error?: Error;
}
