import { readSetting, toCount, toTimerMs } from './read-setting.ts';

type Variables = Record<string, string>;

/** Reads the watchdog's own limit of calls at once; Infinity when it has none. */
export function maxInflightOf({ max_inflight: maxInflight }: Variables): number {
  return readSetting(maxInflight, toCount) ?? Infinity;
}

/**
 * Reads how long calls in flight may take to end before a replica is stopped, from the watchdog's own settings.
 * @returns milliseconds; undefined when the function does not say
 */
export function drainMsOf({ grace_period: gracePeriod, write_timeout: writeTimeout }: Variables): number | undefined {
  // Go's write timeout of 0 is none at all.
  return readSetting(gracePeriod, toTimerMs) ?? (readSetting(writeTimeout, toTimerMs) || undefined);
}
