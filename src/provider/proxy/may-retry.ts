import type { ProxyOutcome } from './proxy.ts';

/** Where a call is sent next, if anywhere. */
export type Retry = 'no' | 'same endpoint, new connection' | 'same endpoint, after a pause' | 'another endpoint';

/** What a call has been through before this sending. */
export interface Tries {
  /** Endpoints that the call broke on. */
  brokenEndpoints: number;
  /** How many of them broke off a request that they had accepted. */
  resets: number;
  /** The endpoint began to take calls so lately that its process may still be starting. */
  isFresh: boolean;
}

/** A replica that dies breaks a call on a kept connection, then refuses the next: the third finds another or waits for one. */
const mostEndpoints = 3;

/** What two processes did not survive is not given to a third. */
const mostResets = 2;

/**
 * Decides whether a call is sent again. Nothing is sent twice that a function may have acted upon, unless twice does what
 * once does or a watchdog says 503, that it passes nothing on yet. Its 500 and 502 may also mean that its process took the
 * request and broke off.
 * @param facts what came of the last sending.
 */
export function mayRetry(facts: ProxyOutcome, { brokenEndpoints, resets, isFresh }: Tries): Retry {
  const { failure, status, isNotReady, wasSent, canReplay, isIdempotent, onKeptConnection } = facts;
  if (!canReplay) return 'no';
  if (!failure)
    return isFresh && isNotReady && (isIdempotent || status === 503) ? 'same endpoint, after a pause' : 'no';
  if (failure !== 'unreachable' && failure !== 'reset') return 'no';
  const hasReply = status !== undefined;
  if (hasReply || (wasSent && !isIdempotent)) return 'no';
  if (failure === 'reset' && onKeptConnection) return 'same endpoint, new connection';
  if (brokenEndpoints + 1 >= mostEndpoints) return 'no';
  return failure === 'reset' && resets + 1 >= mostResets ? 'no' : 'another endpoint';
}
