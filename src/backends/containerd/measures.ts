import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../base/log.ts';
import { monotonicMs } from '../../base/monotonic.ts';
import type { Containerd, TaskMetrics } from '../../containerd/index.ts';
import type { FunctionMeasure } from '../../provider/index.ts';
import type { FunctionStore } from './desired/function-store.ts';
import type { FunctionState } from './reconcile/function-state.ts';
import type { FunctionStates } from './reconcile/function-states.ts';
import type { Replica } from './reconcile/replica.ts';

/** How old a sample may be: each asks every shim. */
const freshMs = 2000;
/** How long a reader waits for a new one, before it is given the last. */
const patienceMs = 2000;
const nanoseconds = 1e9;

export interface MeasuresOptions {
  containerd: Containerd;
  store: FunctionStore;
  states: FunctionStates;
  log: Log;
  /** A monotonic clock. */
  nowMs?: () => number;
}

/** Counts what functions use over the lives of their replicas, as containerd tells it when somebody asks. */
export class Measures {
  readonly #parts: MeasuresOptions;
  readonly #nowMs: () => number;
  readonly #cpuNs = new WeakMap<FunctionState, number>();
  readonly #lastOf = new WeakMap<Replica, TaskMetrics>();
  #sampling?: Promise<void>;
  #sampledMs = -Infinity;

  constructor(parts: MeasuresOptions) {
    this.#parts = parts;
    this.#nowMs = parts.nowMs ?? monotonicMs;
  }

  /** Returns a measure of each function that is wanted. */
  async read(): Promise<FunctionMeasure[]> {
    if (this.#nowMs() - this.#sampledMs >= freshMs)
      this.#sampling ??= this.#sample().finally(() => (this.#sampling = undefined));
    await Promise.race([this.#sampling, sleep(patienceMs, undefined, { ref: false })]);
    const { store, states } = this.#parts;
    return store.all().map(({ function: fn }) => ({ ...fn, ...this.#measureOf(states.get(fn)) }));
  }

  #measureOf(state: FunctionState | undefined) {
    const running = [...(state?.replicas.values() ?? [])].filter(({ task }) => task === 'running');
    const memoryBytes = running.reduce((sum, one) => sum + (this.#lastOf.get(one)?.memoryWorkingSetBytes ?? 0), 0);
    const cpuSeconds = ((state && this.#cpuNs.get(state)) ?? 0) / nanoseconds;
    return { cpuSeconds, memoryBytes, ...(state?.ends ?? { restarts: 0, oomKills: 0 }) };
  }

  async #sample(): Promise<void> {
    const { containerd, states, log } = this.#parts;
    const namespaces = new Set(states.running().map(({ state }) => state.fn.namespace));
    for (const namespace of namespaces) {
      try {
        this.#take(await containerd.namespace(namespace).tasks.metrics());
      } catch (error) {
        log.debug('could not measure functions', { namespace, error });
      }
    }
    this.#sampledMs = this.#nowMs();
  }

  #take(all: TaskMetrics[]): void {
    const byId = new Map(all.map((metrics) => [metrics.containerId, metrics]));
    for (const { state, replica } of this.#parts.states.running()) {
      const now = byId.get(replica.id);
      if (!now) continue;
      // What was there before the daemon counts from now on, as the counter begins at 0.
      const beforeNs =
        this.#lastOf.get(replica)?.cpuUsageNs ?? (replica.startedAtMs === undefined ? now.cpuUsageNs : 0);
      // A task that was started again counts from 0.
      const usedNs = now.cpuUsageNs - (beforeNs > now.cpuUsageNs ? 0 : beforeNs);
      this.#cpuNs.set(state, (this.#cpuNs.get(state) ?? 0) + usedNs);
      this.#lastOf.set(replica, now);
    }
  }
}
