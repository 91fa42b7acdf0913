import type { FunctionName } from '../../../provider/index.ts';
import type { FunctionRecord } from '../desired/record.ts';
import type { UnpackedImage } from '../images/index.ts';
import type { TaskState } from '../replicas/observe.ts';

/** How a replica's process ended. */
export interface ReplicaExit {
  /** In words, for the operator. */
  reason: string;
  at: Date;
}

/** What the daemon knows of a replica beyond what containerd tells; all of it can be found again after a restart. */
export class ReplicaState {
  readonly id: string;
  readonly generation: string;
  created = false;
  task: TaskState['status'] = 'none';
  /** The step under way on it. */
  busy?: string;
  ready = false;
  readySinceMs = 0;
  unhealthy = false;
  /** Its start failed while containerd was there. */
  broken = false;
  /** Answers of the watchdog about its process, in a row. */
  watchdogErrors = 0;
  draining = false;
  drained = false;
  drainUntilMs = 0;
  ip?: string;
  startedAtMs = 0;
  /** Crashes and failed starts in a row. */
  failures = 0;
  restarts = 0;
  restartAtMs = 0;
  /** When a step that failed may be tried again. */
  retryAtMs = 0;
  oomAtMs = 0;
  lastExit?: ReplicaExit;
  /** Ends what watches it: probes, or the end of its calls. */
  watch?: AbortController;

  constructor(id: string, generation: string) {
    this.id = id;
    this.generation = generation;
  }

  stopWatching(): void {
    this.watch?.abort();
    this.watch = undefined;
  }

  /** It has no task any more, and can be started again as if it were new. */
  stopped(): void {
    this.stopWatching();
    this.task = 'none';
    this.ready = this.unhealthy = this.draining = this.drained = false;
    this.watchdogErrors = 0;
  }
}

/** What is known of one generation's image and start. */
export interface GenerationState {
  image?: UnpackedImage;
  pulling: boolean;
  failures: number;
  failure?: Error;
  /** When a failed current generation is tried again. */
  retryAtMs: number;
  /** When a candidate must be ready. */
  startUntilMs?: number;
}

export type GenerationOutcome = { ready: true } | { ready: false; error: Error };

export class FunctionState {
  readonly fn: FunctionName;
  readonly replicas = new Map<string, ReplicaState>();
  readonly #generations = new Map<string, GenerationState>();
  readonly #waiters = new Map<string, ((outcome: GenerationOutcome) => void)[]>();
  /** One pass at a time; `again` asks for another. */
  running = false;
  again = false;
  timer?: NodeJS.Timeout;
  /** It has been looked at since the start. */
  attempted = false;

  constructor({ name, namespace }: FunctionName) {
    this.fn = { name, namespace };
  }

  generation(id: string): GenerationState {
    let generation = this.#generations.get(id);
    if (!generation) {
      generation = { pulling: false, failures: 0, retryAtMs: 0 };
      this.#generations.set(id, generation);
    }
    return generation;
  }

  /** Resolves when the generation is ready, or with what it failed of. */
  outcome(generation: string): Promise<GenerationOutcome> {
    const { promise, resolve } = Promise.withResolvers<GenerationOutcome>();
    this.#waiters.set(generation, [...(this.#waiters.get(generation) ?? []), resolve]);
    return promise;
  }

  settle(generation: string, outcome: GenerationOutcome): void {
    const waiters = this.#waiters.get(generation) ?? [];
    this.#waiters.delete(generation);
    for (const waiter of waiters) waiter(outcome);
  }

  settleAll(outcome: GenerationOutcome): void {
    for (const generation of this.#waiters.keys()) this.settle(generation, outcome);
  }

  forgetGenerationsBut(record: FunctionRecord | undefined): void {
    const wanted = [record?.current.id, record?.candidate?.id];
    for (const id of this.#generations.keys()) {
      if (!wanted.includes(id)) this.#generations.delete(id);
    }
  }

  replicasOf(generation: string): ReplicaState[] {
    return [...this.replicas.values()].filter((replica) => replica.generation === generation);
  }

  /** Those that take calls. */
  readyReplicas(generation: string): ReplicaState[] {
    return this.replicasOf(generation).filter(({ ready, draining, unhealthy }) => ready && !draining && !unhealthy);
  }

  /** The next moment at which time alone changes what is to be done, after `nowMs`. */
  nextDeadlineMs(nowMs: number): number | undefined {
    const generations = [...this.#generations.values()];
    const deadlines = [
      ...[...this.replicas.values()].flatMap(({ restartAtMs, retryAtMs }) => [restartAtMs, retryAtMs]),
      ...generations.map(({ failure, retryAtMs }) => (failure ? retryAtMs : 0)),
      ...generations.map(({ startUntilMs }) => startUntilMs ?? 0),
    ].filter((atMs) => atMs > nowMs);
    return deadlines.length > 0 ? Math.min(...deadlines) : undefined;
  }
}
