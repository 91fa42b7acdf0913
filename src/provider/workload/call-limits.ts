import { readSetting, toCount, toTimerMs } from './read-setting.ts';

/** What a watchdog's own settings say of the calls of one replica. */
export interface CallLimits {
  /** Calls that it takes at once; Infinity when it has no limit. */
  readonly maxInflight: number;
  /** How long calls in flight may take to end before it is stopped, in milliseconds; absent when it does not say. */
  readonly drainMs?: number;
  /** How long its process may take to end once it was asked to, in milliseconds; absent when it does not say. */
  readonly graceMs?: number;
}

/**
 * Reads the settings that a watchdog reads too.
 * @param variables all that its process has: the image's, and over them the deployment's
 */
export function callLimitsOf(variables: Partial<Record<string, string>>): CallLimits {
  const { max_inflight: maxInflight, grace_period: gracePeriod, write_timeout: writeTimeout } = variables;
  const graceMs = readSetting(gracePeriod, toTimerMs);
  return {
    maxInflight: readSetting(maxInflight, toCount) ?? Infinity,
    // Go's write timeout of 0 is none at all.
    drainMs: graceMs ?? (readSetting(writeTimeout, toTimerMs) || undefined),
    graceMs,
  };
}
