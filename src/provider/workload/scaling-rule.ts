import { quote } from '../../base/quote.ts';
import { SettingReader, toBoolean, toCount, toDurationMs, toPercentage, toPositive } from './read-setting.ts';

export interface ReplicaRange {
  /** Load that one replica is to carry, in the unit of the load. */
  perReplica: number;
  min: number;
  max: number;
}

type LoadType = 'rps' | 'capacity' | 'cpu' | 'queue';

export interface LoadRule extends ReplicaRange {
  /** Calls ended per second, calls in flight, millicores used by all replicas, or asynchronous calls that have not ended. */
  type: LoadType;
  /** How long fewer replicas must have been enough before some are taken away; 0: at once. */
  downWindowMs: number;
}

/** What a function's `com.openfaas.scale.*` labels ask for. */
export interface ScalingRule {
  /** Fewest replicas while awake, 1 at least: what a function is first deployed with and wakes to. */
  min: number;
  /** Most replicas that load or an alert makes. */
  max: number;
  /** Most replicas that a caller may ask for: the label `max`, Infinity when it is not set. */
  limit: number;
  /** How the load sets the replicas; absent when it does not. */
  load?: LoadRule;
  /** How long a function must be idle to be scaled to zero; absent when it never is. */
  zeroAfterMs?: number;
  /** Replicas that a firing alert adds. */
  alertStep: number;
  /** What is told of labels that could not be read, and of what is used instead. */
  warnings: string[];
  /** What a deployer is told of labels that cannot be read, and of how to write them. */
  unreadable: string[];
}

const prefix = 'com.openfaas.scale.';
const loadTypes = ['rps', 'capacity', 'cpu', 'queue'] as const satisfies LoadType[];
const defaultMin = 1;
const defaultMax = 20;
const defaultTarget = 50;
const defaultProportion = 0.9;
const defaultFactor = 20;
const defaultZeroMs = 15 * 60_000;
const longestDownWindowMs = 5 * 60_000;
/** Longer than any type with blanks around it. */
const longestType = 64;
const countForm = 'a whole number from 1 to 999999';

/** What the community edition's alert rule asks for: a further replica for each 5 calls a second. */
const communityTarget = 5;

/**
 * Reads the scaling labels of a function. What cannot be read counts as absent, and is told in `warnings`; load of a type that
 * is not known scales nothing.
 * Sources: https://docs.openfaas.com/reference/workloads/ and https://docs.openfaas.com/architecture/autoscaling/
 * @param labels of the function
 * @param annotations of the function, where a scaling label may be by mistake
 */
export function scalingRule(labels: Record<string, string>, annotations: Record<string, string>): ScalingRule {
  const reader = new SettingReader(labels, prefix);
  const min = reader.read('min', toCount, countForm) ?? defaultMin;
  const maxLabel = reader.read('max', toCount, countForm);
  const max = Math.max(min, maxLabel ?? defaultMax);
  const factor = reader.read('factor', toPercentage, 'a whole number from 0 to 100') ?? defaultFactor;
  const zero = reader.read('zero', toBoolean, 'true or false') ?? false;
  const zeroAfterMs =
    reader.read('zero-duration', (text) => toDurationMs(text) || undefined, 'a duration such as 15m or 1m30s') ??
    defaultZeroMs;
  if (maxLabel !== undefined && maxLabel < min) reader.warn('max', 'is below min: min is used');
  if (`${prefix}zero` in annotations) reader.warn('zero', 'is an annotation here: only a label counts');
  // Without a type or a target it takes a limit of the user's own to add replicas, and factor 0 is the documented no.
  const byLoad = hasLoadLabel(reader) || (maxLabel !== undefined && factor > 0);
  const load = loadRule(reader, { min, max });
  return {
    min,
    max,
    limit: maxLabel === undefined ? Infinity : max,
    load: byLoad && min < max ? load : undefined,
    zeroAfterMs: zero ? zeroAfterMs : undefined,
    alertStep: Math.ceil((max * factor) / 100),
    warnings: reader.warnings,
    unreadable: reader.unreadable,
  };
}

/** Tells whether any label says something about scaling. */
export function hasScalingLabel(labels: Record<string, string>): boolean {
  return Object.keys(labels).some((label) => label.startsWith(prefix));
}

function hasLoadLabel(reader: SettingReader): boolean {
  return reader.text('type') !== undefined || reader.text('target') !== undefined;
}

function loadRule(reader: SettingReader, range: { min: number; max: number }): LoadRule | undefined {
  const asked = hasLoadLabel(reader);
  const target = reader.read('target', toPositive, 'a number above 0') ?? (asked ? defaultTarget : communityTarget);
  const proportion =
    reader.read('target-proportion', toPositive, 'a number such as 0.7') ?? (asked ? defaultProportion : 1);
  const downWindowMs = reader.read('down.window', toDownWindowMs, 'a duration of at most 5m') ?? 0;
  const type = loadType(reader);
  return type && { ...range, type, perReplica: target * proportion, downWindowMs };
}

/** Returns undefined for a type that is not known here, such as one of another edition. */
function loadType(reader: SettingReader): LoadType | undefined {
  const text = reader.text('type') ?? 'rps';
  const type = loadTypes.find((known) => known === text.slice(0, longestType).trim());
  if (!type) {
    reader.warn('type', `${quote(text)} is not known: the load scales nothing, write rps, capacity, cpu or queue`);
  }
  return type;
}

function toDownWindowMs(text: string): number | undefined {
  const ms = toDurationMs(text);
  return ms !== undefined && ms <= longestDownWindowMs ? ms : undefined;
}
