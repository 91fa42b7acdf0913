import type { IncomingMessage } from 'node:http';

/** Longer is not waited: the caller is told instead. */
const longestWaitMs = 60_000;

/** Each of the three forms begins with a weekday, and is of GMT whether it says so or not. Date.parse alone takes `-5` for a date. */
function dateOf(value: string): number {
  return /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /.test(value) ? Date.parse(`${value.replace(/ GMT$/, '')} GMT`) : NaN;
}

/** Reads a Retry-After of seconds or a date, https://www.rfc-editor.org/rfc/rfc9110#name-retry-after. */
function retryAfterMs({ headers }: Pick<IncomingMessage, 'headers'>): number | undefined {
  const value = headers['retry-after'];
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : dateOf(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(ms, 0);
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
