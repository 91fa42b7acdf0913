import type { IncomingMessage } from 'node:http';
import { parseRetryAfter } from '../base/parse-retry-after.ts';

/** Longer is not waited: the caller is told instead. */
const longestWaitMs = 60_000;

function retryAfterMs({ headers }: Pick<IncomingMessage, 'headers'>): number | undefined {
  return parseRetryAfter(headers['retry-after'], Date.now());
}

/**
 * Answers how long to wait before a server that has too much to do is asked again; undefined where that is too long, or
 * the answer means something else.
 * @param attempt counts from 1
 */
export function patienceMs(
  response: Pick<IncomingMessage, 'statusCode' | 'headers'>,
  attempt: number,
): number | undefined {
  const status = response.statusCode ?? 0;
  const asked = retryAfterMs(response);
  if (status !== 408 && status !== 429 && (status !== 503 || asked === undefined)) return undefined;
  const waitMs = asked ?? 250 * 2 ** attempt;
  return waitMs <= longestWaitMs ? waitMs : undefined;
}

/** Says when to try again, for an error. */
export function whenToRetry(response: Pick<IncomingMessage, 'headers'>): string {
  const ms = retryAfterMs(response);
  return ms === undefined ? 'try again later' : `it says to try again in ${Math.ceil(ms / 1000)} s`;
}
