import {
  readSetting,
  toBoolean,
  toCount,
  toDurationMs,
  toPercentage,
  toPositive,
  type ParseSetting,
} from './read-setting.ts';

export interface ReplicaRange {
  /** Load that one replica is to carry, in the unit of the load. */
  perReplica: number;
  min: number;
  max: number;
}

export interface LoadRule extends ReplicaRange {
  /** Calls ended per second, calls in flight, or millicores used by all replicas. */
  type: (typeof loadTypes)[number];
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
}

const prefix = 'com.openfaas.scale.';
const loadTypes = ['rps', 'capacity', 'cpu'] as const;
const defaultMin = 1;
const defaultMax = 20;
const defaultTarget = 50;
const defaultProportion = 0.9;
const defaultFactor = 20;
const defaultZeroMs = 15 * 60_000;
const longestDownWindowMs = 5 * 60_000;

/** What the community edition's alert rule asks for: a further replica for each 5 calls a second. */
const communityTarget = 5;

/**
 * Reads the scaling labels of a function. What cannot be read counts as absent, and is told in `warnings`.
 * Sources: https://docs.openfaas.com/reference/workloads/ and https://docs.openfaas.com/architecture/autoscaling/
 * @param labels of the function
 * @param annotations of the function, where a scaling label may be by mistake
 */
export function scalingRule(labels: Record<string, string>, annotations: Record<string, string>): ScalingRule {
  const reader = new LabelReader(labels);
  const min = reader.read('min', toCount) ?? defaultMin;
  const maxLabel = reader.read('max', toCount);
  const max = Math.max(min, maxLabel ?? defaultMax);
  const factor = reader.read('factor', toPercentage) ?? defaultFactor;
  const zero = reader.read('zero', toBoolean) ?? false;
  const zeroAfterMs = reader.read('zero-duration', (text) => toDurationMs(text) || undefined) ?? defaultZeroMs;
  if (maxLabel !== undefined && maxLabel < min) reader.warn('max', 'is below min: min is used');
  if (`${prefix}zero` in annotations) reader.warn('zero', 'is an annotation here: only a label counts');
  // Without a type or a target it takes a limit of the user's own to add replicas, and factor 0 is the documented no.
  const byLoad = reader.has('type') || reader.has('target') || (maxLabel !== undefined && factor > 0);
  return {
    min,
    max,
    limit: maxLabel === undefined ? Infinity : max,
    load: byLoad && min < max ? loadRule(reader, { min, max }) : undefined,
    zeroAfterMs: zero ? zeroAfterMs : undefined,
    alertStep: Math.ceil((max * factor) / 100),
    warnings: reader.warnings,
  };
}

/** Tells whether any label says something about scaling. */
export function hasScalingLabel(labels: Record<string, string>): boolean {
  return Object.keys(labels).some((label) => label.startsWith(prefix));
}

function loadRule(reader: LabelReader, range: { min: number; max: number }): LoadRule {
  const asked = reader.has('type') || reader.has('target');
  const target = reader.read('target', toPositive) ?? (asked ? defaultTarget : communityTarget);
  const proportion = reader.read('target-proportion', toPositive) ?? (asked ? defaultProportion : 1);
  return {
    ...range,
    type: reader.read('type', (text) => loadTypes.find((type) => type === text)) ?? 'rps',
    perReplica: target * proportion,
    downWindowMs: reader.read('down.window', toDownWindowMs) ?? 0,
  };
}

/** Reads scaling labels and keeps a warning for each that cannot be read. */
class LabelReader {
  readonly warnings: string[] = [];
  readonly #labels: Record<string, string>;

  constructor(labels: Record<string, string>) {
    this.#labels = labels;
  }

  has(name: string): boolean {
    return this.#labels[prefix + name] !== undefined;
  }

  read<T>(name: string, parse: ParseSetting<T>): T | undefined {
    const text = this.#labels[prefix + name];
    const value = readSetting(text, parse);
    if (text !== undefined && value === undefined)
      this.warn(name, `${JSON.stringify(text.slice(0, 80))} cannot be read: its default is used`);
    return value;
  }

  warn(name: string, what: string): void {
    this.warnings.push(`${prefix}${name} ${what}`);
  }
}

function toDownWindowMs(text: string): number | undefined {
  const ms = toDurationMs(text);
  return ms !== undefined && ms <= longestDownWindowMs ? ms : undefined;
}
