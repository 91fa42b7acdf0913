import { quote } from '../../base/quote.ts';
import { SettingReader, toCount, toTimerMs } from './read-setting.ts';

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

/** How a deployment asks for it. */
interface AskedProbe extends ProbeSettings {
  /** How long after its start a process may be found well, as the annotations say; 0 where they say nothing of time. */
  startAllowedMs: number;
  /** What a deployer is told of annotations that cannot be read, and of how to write them. */
  unreadable: string[];
}

type Annotations = Record<string, string>;
type Times = Pick<ProbeSettings, 'periodMs' | 'timeoutMs'>;

const shortestMs = 10;
/** The longest that a timer of Node holds. */
const longestMs = 2 ** 31 - 1;
const timings = [
  'initialDelaySeconds',
  'initialDelay',
  'periodSeconds',
  'timeoutSeconds',
  'successThreshold',
  'failureThreshold',
];
/** The ends of the annotations that say how a probe is made. */
export const probeKeys: readonly string[] = ['path', ...timings];
const longestPath = 2048;

/**
 * Reads how to tell that a replica can take calls: the annotations `com.openfaas.ready.http.*`, and the path of health
 * where readiness has none.
 * Source: https://docs.openfaas.com/reference/workloads/
 */
export function readinessOf(annotations: Annotations): AskedProbe {
  const ready = probeSettings(annotations, 'com.openfaas.ready.http.', { periodMs: 250, timeoutMs: 1000 });
  return { ...ready, path: ready.path ?? livenessOf(annotations).path };
}

/** Reads how to tell that a replica must be replaced: the annotations `com.openfaas.health.http.*`. */
export function livenessOf(annotations: Annotations): AskedProbe {
  return probeSettings(annotations, 'com.openfaas.health.http.', { periodMs: 10_000, timeoutMs: 5000 });
}

function probeSettings(annotations: Annotations, prefix: string, defaults: Times): AskedProbe {
  const reader = new SettingReader(annotations, prefix);
  const ms = (key: string) => reader.read(key, toTimerMs, 'seconds, or a duration such as 500ms or 1m30s');
  const count = (key: string) => reader.read(key, toCount, 'a whole number from 1 to 999999');
  const settings = {
    path: pathOf(reader),
    initialDelayMs: ms('initialDelaySeconds') || ms('initialDelay') || 0,
    periodMs: Math.max(shortestMs, ms('periodSeconds') || defaults.periodMs),
    timeoutMs: Math.max(shortestMs, ms('timeoutSeconds') || defaults.timeoutMs),
    successThreshold: count('successThreshold') ?? 1,
    failureThreshold: count('failureThreshold') ?? 3,
  };
  const isTimed = timings.some((key) => reader.text(key) !== undefined);
  return { ...settings, startAllowedMs: isTimed ? allowedMs(settings) : 0, unreadable: reader.unreadable };
}

function allowedMs({ initialDelayMs, periodMs, timeoutMs, successThreshold, failureThreshold }: ProbeSettings): number {
  return Math.min(longestMs, initialDelayMs + (failureThreshold + successThreshold - 1) * periodMs + timeoutMs);
}

/** Makes of an annotation a path that a request can hold. */
function pathOf(reader: SettingReader): string | undefined {
  const text = reader.text('path');
  if (!text) return undefined;
  const url = text.length > longestPath ? null : URL.parse(`http://function${text.startsWith('/') ? '' : '/'}${text}`);
  if (url) return url.pathname + url.search;
  reader.refuse('path', `${quote(text)} is no path`, `one such as /_/ready, of at most ${longestPath} characters`);
  return undefined;
}
