import { readSetting, toCount, toTimerMs } from './read-setting.ts';

/** How a function's health is asked for. Times are in milliseconds. */
export interface ProbeSettings {
  /** Path and query to ask for by HTTP; absent when the function names none. */
  path?: string;
  /** How long after the start of its process a function is first asked. */
  initialDelayMs: number;
  periodMs: number;
  timeoutMs: number;
  /** Good answers in a row that make it well. */
  successThreshold: number;
  /** Bad answers in a row that make it ill. */
  failureThreshold: number;
}

type Annotations = Record<string, string>;
type Times = Pick<ProbeSettings, 'periodMs' | 'timeoutMs'>;

const shortestMs = 10;

/**
 * Reads how to tell that a replica can take calls: the annotations `com.openfaas.ready.http.*`.
 * Source: https://docs.openfaas.com/reference/workloads/
 */
export function readinessOf(annotations: Annotations): ProbeSettings {
  return probeSettings(annotations, 'com.openfaas.ready.http.', { periodMs: 250, timeoutMs: 1000 });
}

/** Reads how to tell that a replica must be replaced: the annotations `com.openfaas.health.http.*`. */
export function livenessOf(annotations: Annotations): ProbeSettings {
  return probeSettings(annotations, 'com.openfaas.health.http.', { periodMs: 10_000, timeoutMs: 5000 });
}

function probeSettings(annotations: Annotations, prefix: string, defaults: Times): ProbeSettings {
  const ms = (key: string) => readSetting(annotations[prefix + key], toTimerMs);
  const count = (key: string) => readSetting(annotations[prefix + key], toCount);
  return {
    path: pathOf(annotations[`${prefix}path`]),
    initialDelayMs: ms('initialDelaySeconds') || ms('initialDelay') || 0,
    periodMs: Math.max(shortestMs, ms('periodSeconds') || defaults.periodMs),
    timeoutMs: Math.max(shortestMs, ms('timeoutSeconds') || defaults.timeoutMs),
    successThreshold: count('successThreshold') ?? 1,
    failureThreshold: count('failureThreshold') ?? 3,
  };
}

/** Makes of an annotation a path that a request can hold. */
function pathOf(text: string | undefined): string | undefined {
  if (!text) return undefined;
  const { pathname, search } = new URL(`http://function${text.startsWith('/') ? '' : '/'}${text}`);
  return pathname + search;
}
