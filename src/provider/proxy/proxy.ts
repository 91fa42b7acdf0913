import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { CutStreams } from '../handlers.ts';
import type { CallOutcome } from '../provider.ts';
import type { TrustedProxies } from '../trusted-proxies.ts';

/**
 * Sends a request to a function once and its reply back, streaming both ways. When the outcome comes with `res.headersSent`
 * still false and `failure` is not `aborted`, whoever called `web` owes the reply; likewise for a socket given to `upgrade`.
 */
export interface Proxy {
  /** The same `req` may be given again as long as its outcome says `canReplay`. */
  web(req: IncomingMessage, res: ServerResponse, target: ProxyTarget): Promise<ProxyOutcome>;
  /** Settles when the upgraded connection has ended. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer, target: ProxyTarget): Promise<ProxyOutcome>;
  /** Ends what is under way, each as its protocol allows. */
  cut(): CutStreams;
  close(): void;
}

export interface ProxyTarget {
  hostname: string;
  port: number;
  /** Path and query exactly as the function must see them, byte for byte. */
  path: string;
  /** Headers that name the call: set over the caller's, and told the caller where the reply has none of the name. */
  headers?: Record<string, string>;
  /** Whose word on the caller the function is told, such as X-Forwarded-For; anybody's when absent. */
  trustedProxies?: TrustedProxies;
  /** Until the reply's headers, and until its end unless it is an event stream. */
  timeoutMs?: number;
  /** Send over a connection that no call has used before. */
  newConnection?: boolean;
  /** Asked about a reply with `isNotReady`: true keeps it from the caller. */
  holdsBack?: (facts: ProxyOutcome) => boolean;
}

/** What came of one sending of a call. These are facts; whether the call is sent again is decided by `mayRetry`. */
export interface ProxyOutcome extends CallOutcome {
  /** A watchdog answered that its process is not there yet. */
  isNotReady?: boolean;
  /** Bytes of the request may have reached the function. */
  wasSent?: boolean;
  /** The request can be sent again: all that was read of its body is kept. */
  canReplay?: boolean;
  /** Sending the request twice does what sending it once does. */
  isIdempotent?: boolean;
  /** The connection had been kept from an earlier call, so the function may have closed it at any moment. */
  onKeptConnection?: boolean;
  /** Why it failed, for the log. */
  error?: Error;
}
