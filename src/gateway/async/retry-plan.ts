import { parseRetryAfter } from '../../base/parse-retry-after.ts';
import type { RetryRule } from '../../provider/index.ts';
import type { Attempt, CallKind } from './queue.ts';

/** How one attempt went. */
export interface AttemptOutcome extends Attempt {
  /** The header of this name of the answer. */
  retryAfter?: string;
  /** The answer is the platform's and not the function's: `X-OpenFaaS-Internal`. */
  isPlatform?: boolean;
  /** Trying again leads nowhere. */
  isFinal?: boolean;
}

export interface PlanOptions {
  kind: CallKind;
  /** How often it was tried, this attempt included. */
  attempts: number;
  rule: RetryRule;
  /** The wall clock, in milliseconds since the epoch. */
  nowMs: number;
  /** Gives a number from 0 to 1, as Math.random does. */
  random?: () => number;
}

/** What follows an attempt: an end, or another attempt at a moment in milliseconds since the epoch. */
export type RetryPlan = { next: 'done' | 'failed' } | { next: 'again'; dueMs: number };

/** Nobody waits longer, whatever an answer says. */
const longestRetryAfterMs = 24 * 3_600_000;

/** Says how a call goes on after an attempt. */
export function planAfter(outcome: AttemptOutcome, options: PlanOptions): RetryPlan {
  const { attempts, rule } = options;
  if (!hasFailed(outcome, options)) return { next: 'done' };
  if (outcome.isFinal === true || attempts >= rule.attempts) return { next: 'failed' };
  return { next: 'again', dueMs: options.nowMs + Math.ceil(pauseMs(outcome, options)) };
}

function hasFailed({ status, isPlatform, isFinal }: AttemptOutcome, { kind, rule }: PlanOptions): boolean {
  if (status === undefined || isFinal === true) return true;
  // Only what was taken has been delivered.
  if (kind === 'callback') return status < 200 || status > 299;
  return (isPlatform === true && status >= 400) || rule.codes.has(status);
}

/**
 * Returns how long to wait: what the answer asks for, else at random up to twice as long each time, so that calls which failed
 * together do not come together again. Never less than the rule's shortest pause.
 */
function pauseMs({ retryAfter }: AttemptOutcome, { attempts, rule, nowMs, random = Math.random }: PlanOptions): number {
  const { minWaitMs, maxWaitMs } = rule;
  const askedMs = parseRetryAfter(retryAfter, nowMs);
  if (askedMs !== undefined) return Math.max(minWaitMs, Math.min(askedMs, longestRetryAfterMs));
  const longestMs = Math.min(maxWaitMs, minWaitMs * 2 ** Math.min(attempts, 32));
  return minWaitMs + random() * (longestMs - minWaitMs);
}
