import type { Log } from '../../base/log.ts';
import { monotonicMs } from '../../base/monotonic.ts';
import { fullName, type FunctionMeasure, type Provider } from '../../provider/index.ts';

/** What all replicas of a function use. */
export interface FunctionUsageNow {
  /** Working set. */
  memoryBytes: number;
  /** Thousandths of a core; absent until it was measured twice. */
  cpuMillis?: number;
}

export interface UsageSamplesOptions {
  provider: Provider;
  log: Log;
  /** A monotonic clock. */
  nowMs?: () => number;
}

/** Between samples, in milliseconds: while somebody looks, and else. */
const watchedMs = 5000;
const usualMs = 60_000;

/** Measures now and then what functions use, where the provider does. Of functions that use nothing there is nothing. */
export class UsageSamples {
  readonly #options: UsageSamplesOptions;
  readonly #nowMs: () => number;
  #usage = new Map<string, FunctionUsageNow>();
  #cpuSeconds = new Map<string, number>();
  #sampledMs = -Infinity;
  #sampling?: Promise<void>;
  #watchers = 0;
  #isFailing = false;
  #onSample: (usage: ReadonlyMap<string, FunctionUsageNow>) => void = () => {};

  constructor(options: UsageSamplesOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? monotonicMs;
  }

  /** Tells each sample, by functions' full names. */
  set onSample(listener: (usage: ReadonlyMap<string, FunctionUsageNow>) => void) {
    this.#onSample = listener;
  }

  /** As of the last sample. */
  of(key: string): FunctionUsageNow | undefined {
    return this.#usage.get(key);
  }

  /**
   * Has samples taken often.
   * @returns what ends it
   */
  watch(): () => void {
    this.#watchers += 1;
    void this.sampleIfDue();
    return () => (this.#watchers -= 1);
  }

  /** Takes samples until the signal aborts. */
  run(signal: AbortSignal): void {
    if (signal.aborted || !this.#options.provider.measure) return;
    const timer = setInterval(() => void this.sampleIfDue(), watchedMs).unref();
    signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  }

  /** Takes a sample unless the last one is new enough. Never rejects. */
  async sampleIfDue(): Promise<void> {
    // A timer may be a moment early.
    const dueMs = (this.#watchers > 0 ? watchedMs : usualMs) - watchedMs / 5;
    if (!this.#options.provider.measure || this.#nowMs() - this.#sampledMs < dueMs) return;
    await (this.#sampling ??= this.#sample().finally(() => (this.#sampling = undefined)));
  }

  async #sample(): Promise<void> {
    const { provider, log } = this.#options;
    try {
      const measures = (await provider.measure?.()) ?? [];
      this.#take(measures);
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) log.warn('memory and CPU of functions stay as they were: cannot measure them', { error });
      this.#isFailing = true;
    }
    this.#sampledMs = this.#nowMs();
  }

  #take(measures: FunctionMeasure[]): void {
    const seconds = (this.#nowMs() - this.#sampledMs) / 1000;
    const [usage, cpuBefore] = [new Map<string, FunctionUsageNow>(), this.#cpuSeconds];
    this.#cpuSeconds = new Map();
    for (const measured of measures) {
      const { memoryBytes, cpuSeconds } = measured;
      if (memoryBytes === 0) continue;
      const key = fullName(measured);
      const before = cpuBefore.get(key);
      this.#cpuSeconds.set(key, cpuSeconds);
      const isKnown = before !== undefined && before <= cpuSeconds;
      usage.set(key, isKnown ? { memoryBytes, cpuMillis: ((cpuSeconds - before) / seconds) * 1000 } : { memoryBytes });
    }
    this.#usage = usage;
    this.#onSample(usage);
  }
}
