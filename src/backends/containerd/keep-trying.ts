import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../../base/log.ts';
import type { Parts } from './parts.ts';

const firstPauseMs = 500;
const longestPauseMs = 60_000;

interface KeepTryingOptions {
  parts: Parts;
  /** The part's name for log and metrics. */
  name: string;
  signal: AbortSignal;
}

/**
 * Tries until it goes well, beside whatever else goes on, with a growing pause; the part says meanwhile what is wrong.
 * Resolves when it went well, or when the signal aborts; never rejects.
 */
async function keepTrying(act: () => Promise<unknown>, { parts, name, signal }: KeepTryingOptions): Promise<void> {
  for (let pauseMs = firstPauseMs; !signal.aborted; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    if (await attempt(act, { parts, name, signal })) return;
    await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

/** Tries once, and goes on trying in the background where that failed. Never rejects: the part says what is wrong. */
export async function beside(act: () => Promise<unknown>, options: KeepTryingOptions): Promise<void> {
  if (!(await attempt(act, options))) void keepTrying(act, options);
}

/**
 * Tries once. Never rejects: the part says what is wrong.
 * @returns whether it went well
 */
export async function attempt(
  act: () => Promise<unknown>,
  { parts, name, signal }: Omit<KeepTryingOptions, 'signal'> & { signal?: AbortSignal },
): Promise<boolean> {
  try {
    await act();
    parts.set(name, undefined);
    return true;
  } catch (error) {
    // What is cut off says nothing about the part.
    if (!signal?.aborted) parts.set(name, describeError(error));
    return false;
  }
}
