import { parseGoDuration } from '../../base/go-duration.ts';

export interface ReplicaRange {
  /** Load that one replica is to carry, in the unit of the load. */
  perReplica: number;
  min: number;
  max: number;
}

export type LoadType = 'rps' | 'capacity' | 'cpu';

export interface LoadRule extends ReplicaRange {
  /** Calls ended per second, calls in flight, or millicores used by all replicas. */
  type: LoadType;
  /** Fewer replicas only when fewer were enough for this long; 0: at once. */
  downWindowMs: number;
}

/** What a function's `com.openfaas.scale.*` labels ask for. */
export interface ScalingRule {
  /** Also what a function wakes to. */
  min: number;
  max: number;
  /** Absent: the load does not change the replicas. */
  load?: LoadRule;
  /** Idle for this long: to zero. Absent: never. */
  zeroAfterMs?: number;
  /** Replicas that a firing alert adds. */
  alertStep: number;
  /** Values that could not be read, and what is used instead. */
  warnings: string[];
}

const prefix = 'com.openfaas.scale.';
const loadTypes = ['rps', 'capacity', 'cpu'] as const satisfies LoadType[];
const defaultMin = 1;
const defaultMax = 20;
const defaultTarget = 50;
const defaultProportion = 0.9;
const defaultFactor = 20;
const defaultZeroMs = 15 * 60_000;
const longestDownWindowMs = 5 * 60_000;

/** What the community edition's alert rule asks for: a further replica for each 5 calls a second. */
const communityTarget = 5;

/** Sources: https://docs.openfaas.com/reference/workloads/ and https://docs.openfaas.com/architecture/autoscaling/ */
export function scalingRule(labels: Record<string, string>, annotations: Record<string, string> = {}): ScalingRule {
  const reader = new LabelReader(labels);
  const min = reader.read('min', toPositiveCount) ?? defaultMin;
  const maxLabel = reader.read('max', toPositiveCount);
  const max = Math.max(min, maxLabel ?? defaultMax);
  const factor = reader.read('factor', toPercentage) ?? defaultFactor;
  const zero = reader.read('zero', toBoolean) ?? false;
  const zeroAfterMs = reader.read('zero-duration', toDurationMs) ?? defaultZeroMs;
  if (maxLabel !== undefined && maxLabel < min) reader.warn('max', 'is below min: min is used');
  if (`${prefix}zero` in annotations) reader.warn('zero', 'is an annotation here: only a label counts');
  // Without a type or a target it takes a limit of the user's own to add replicas, and factor 0 is the documented no.
  const byLoad = reader.has('type') || reader.has('target') || (maxLabel !== undefined && factor > 0);
  return {
    min,
    max,
    load: byLoad && min < max ? loadRule(reader, { min, max }) : undefined,
    zeroAfterMs: zero ? zeroAfterMs : undefined,
    alertStep: Math.ceil((max * factor) / 100),
    warnings: reader.warnings,
  };
}

/** True when a label says anything about scaling. */
export function hasScalingLabel(labels: Record<string, string>): boolean {
  return Object.keys(labels).some((label) => label.startsWith(prefix));
}

function loadRule(reader: LabelReader, range: { min: number; max: number }): LoadRule {
  const asked = reader.has('type') || reader.has('target');
  const target = reader.read('target', toPositive) ?? (asked ? defaultTarget : communityTarget);
  const proportion = reader.read('target-proportion', toPositive) ?? (asked ? defaultProportion : 1);
  return {
    ...range,
    type: reader.read('type', toLoadType) ?? 'rps',
    perReplica: target * proportion,
    downWindowMs: reader.read('down.window', toDownWindowMs) ?? 0,
  };
}

/** Reads labels; what cannot be read counts as absent and is told in `warnings`. */
class LabelReader {
  readonly warnings: string[] = [];
  readonly #labels: Record<string, string>;

  constructor(labels: Record<string, string>) {
    this.#labels = labels;
  }

  has(name: string): boolean {
    return this.#labels[prefix + name] !== undefined;
  }

  /** @param parse gives undefined, or throws RangeError, for what it cannot read. */
  read<T>(name: string, parse: (text: string) => T | undefined): T | undefined {
    const text = this.#labels[prefix + name];
    if (text === undefined) return undefined;
    const value = orUndefined(() => parse(text.trim()));
    if (value === undefined)
      this.warn(name, `${JSON.stringify(text.slice(0, 80))} cannot be read: its default is used`);
    return value;
  }

  warn(name: string, what: string): void {
    this.warnings.push(`${prefix}${name} ${what}`);
  }
}

function orUndefined<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function toPositiveCount(text: string): number | undefined {
  return /^\d{1,6}$/.test(text) ? Number(text) || undefined : undefined;
}

function toPercentage(text: string): number | undefined {
  return /^\d{1,3}$/.test(text) && Number(text) <= 100 ? Number(text) : undefined;
}

function toPositive(text: string): number | undefined {
  return /^(\d{1,9}(\.\d{0,9})?|\.\d{1,9})$/.test(text) ? Number(text) || undefined : undefined;
}

function toLoadType(text: string): LoadType | undefined {
  return loadTypes.find((type) => type === text);
}

function toBoolean(text: string): boolean | undefined {
  if (/^(1|t|T|true|True|TRUE)$/.test(text)) return true;
  return /^(0|f|F|false|False|FALSE)$/.test(text) ? false : undefined;
}

function toDurationMs(text: string): number | undefined {
  const ms = parseGoDuration(text);
  return ms > 0 ? ms : undefined;
}

function toDownWindowMs(text: string): number | undefined {
  const ms = parseGoDuration(text);
  return ms >= 0 && ms <= longestDownWindowMs ? ms : undefined;
}
