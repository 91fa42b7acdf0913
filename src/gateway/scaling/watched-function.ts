import type { FunctionLoad, FunctionStatus, LoadRule, ScalingRule } from '../../provider/index.ts';
import { desiredReplicas } from './desired-replicas.ts';
import { memoryMs, type FunctionTraffic } from '../calls/function-traffic.ts';
import { SecondSlots } from '../calls/second-slots.ts';

const fastCpuSamples = 2;
const slowCpuSamples = 6;
const askAgainMs = 30_000;
const longestDownWindowSeconds = 300;
/**
 * How long a rise is kept while there is load: calls come at random, and at the edge of two counts it asks for one and the
 * other in turn. OpenFaaS's certifier wants it gone a minute after the last call.
 */
const keepRiseMs = 60_000;
/** So much more load must be carried by fewer replicas. Calls that are counted need none: they do not come and go at random. */
const downMargin = { rps: 1.1, cpu: 1.1, capacity: 1, queue: 1 };

export interface WatchedFunctionOptions {
  status: FunctionStatus;
  traffic: FunctionTraffic;
  /** Counts its asynchronous calls that have not ended. */
  pending: () => number;
  /** What other gateways measure of it, summed up; undefined where none has calls of it. */
  others: () => FunctionLoad | undefined;
  /** When the process began to count calls and to scale. */
  startedMs: number;
  nowMs: number;
}

/** Remembers one function from one look of the autoscaler to the next. Its moments are of one monotonic clock. */
export class WatchedFunction {
  readonly #traffic: FunctionTraffic;
  readonly #pending: () => number;
  readonly #others: () => FunctionLoad | undefined;
  readonly #startedMs: number;
  readonly #sinceMs: number;
  readonly #warned = new Set<string>();
  readonly #recommended = new SecondSlots(longestDownWindowSeconds);
  readonly #cpuSamples: number[] = [];
  #cpuSampledMs = -Infinity;
  #raisedMs = -Infinity;
  #asleep: boolean;
  #createdAt?: string;
  #asked?: { from: number; to: number; atMs: number };
  #error?: string;

  constructor({ status, traffic, pending, others, startedMs, nowMs }: WatchedFunctionOptions) {
    this.#traffic = traffic;
    this.#pending = pending;
    this.#others = others;
    this.#startedMs = startedMs;
    this.#sinceMs = nowMs;
    this.#asleep = status.replicas === 0;
    this.#createdAt = status.createdAt;
  }

  /** Takes in the function's state. A new version or a wake since the last look ends its idleness. */
  look({ replicas, createdAt }: FunctionStatus, nowMs: number): void {
    const woken = this.#asleep && replicas > 0;
    if (woken || createdAt !== this.#createdAt) this.#traffic.touch(nowMs);
    if (woken || this.#asked?.from !== replicas) this.#asked = undefined;
    this.#asleep = replicas === 0;
    this.#createdAt = createdAt;
  }

  /** Returns the rule's warnings that it did not return before. */
  newWarnings({ warnings }: ScalingRule): string[] {
    const fresh = warnings.filter((warning) => !this.#warned.has(warning));
    for (const warning of fresh) this.#warned.add(warning);
    return fresh;
  }

  /** Tells whether `everyMs` have passed since the last sample of cpu. */
  cpuIsDue(nowMs: number, everyMs: number): boolean {
    return nowMs - this.#cpuSampledMs >= everyMs;
  }

  /** Keeps a sample of cpu: the millicores of all replicas, undefined when they are not known. */
  addCpu(nowMs: number, millicores: number | undefined): void {
    this.#cpuSampledMs = nowMs;
    if (millicores === undefined) return;
    this.#cpuSamples.push(millicores);
    if (this.#cpuSamples.length > slowCpuSamples) this.#cpuSamples.shift();
  }

  /** Says how many replicas the function should have. It must be awake. */
  wantedReplicas(replicas: number, { load: rule, zeroAfterMs = Infinity }: ScalingRule, nowMs: number): number {
    // A call that waits for its next attempt is not over.
    if (this.#pending() > 0) this.#traffic.touch(nowMs);
    this.#traffic.touch(nowMs - (this.#others()?.idleMs ?? Infinity));
    // Calls from before it was watched may have been another gateway's.
    if (Math.min(this.#traffic.idleMs(nowMs), nowMs - this.#sinceMs) >= zeroAfterMs) return 0;
    return rule ? this.#byLoad(replicas, rule, nowMs) : replicas;
  }

  #byLoad(replicas: number, rule: LoadRule, nowMs: number): number {
    const load = this.#load(rule.type, nowMs);
    if (load === undefined) return replicas;
    const recommended = desiredReplicas(load, rule);
    this.#recommended.raise(nowMs, recommended);
    if (recommended > replicas) this.#raisedMs = nowMs;
    if (recommended >= replicas) return recommended;
    // A past that nobody saw may have been busy.
    const earliestMs = Math.max(this.#startedMs + memoryMs, this.#sinceMs + rule.downWindowMs);
    const keptMs = load > 0 ? this.#raisedMs + keepRiseMs : -Infinity;
    if (nowMs < Math.max(earliestMs, keptMs)) return replicas;
    const fewer = desiredReplicas(load * downMargin[rule.type], rule);
    return Math.min(replicas, Math.max(fewer, this.#recommended.max(nowMs, rule.downWindowMs / 1000)));
  }

  /** Returns the load in the unit of its type; undefined when it is not known yet. */
  #load(type: LoadRule['type'], nowMs: number): number | undefined {
    const others = this.#others();
    if (type === 'rps') return this.#traffic.endedPerSecond(nowMs) + (others?.endedPerSecond ?? 0);
    if (type === 'capacity') return this.#traffic.peakInFlight(nowMs) + (others?.peakInFlight ?? 0);
    if (type === 'queue') return this.#pending();
    if (this.#cpuSamples.length === 0) return undefined;
    return Math.max(mean(this.#cpuSamples.slice(-fastCpuSamples)), mean(this.#cpuSamples));
  }

  /**
   * Notes that the provider is to be asked for other replicas.
   * @returns false when it was asked for the same just now and did otherwise: it has limits of its own
   */
  ask(from: number, to: number, nowMs: number): boolean {
    const { from: before, to: asked, atMs = -Infinity } = this.#asked ?? {};
    if (before === from && asked === to && nowMs - atMs < askAgainMs) return false;
    this.#asked = { from, to, atMs: nowMs };
    // Someone may wake it before the next look.
    this.#asleep = to === 0;
    return true;
  }

  succeeded(): void {
    this.#error = undefined;
  }

  /** Notes that scaling failed, so that the same may be asked for again; true when the last time did not fail alike. */
  failed(error: string): boolean {
    this.#asked = undefined;
    this.#asleep = false;
    const fresh = error !== this.#error;
    this.#error = error;
    return fresh;
  }
}

function mean(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0) / numbers.length;
}
