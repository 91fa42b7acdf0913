import { setTimeout as sleep } from 'node:timers/promises';

export interface UntilOptions {
  /** Default 30 000: what comes at all comes sooner, also where many tests share a processor. */
  timeoutMs?: number;
  intervalMs?: number;
  /** What was waited for, for the error. */
  message?: string;
}

/** Polls until the condition answers something truthy, and gives that. An error of the condition counts as "not yet". */
export async function until<T>(condition: () => T | Promise<T>, options: UntilOptions = {}): Promise<NonNullable<T>> {
  const { timeoutMs = 30_000, intervalMs = 20, message = 'the condition' } = options;
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${message}`, { cause });
    await sleep(intervalMs);
  }
}
