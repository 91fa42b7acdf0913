import type { FunctionName } from '../../provider/index.ts';
import type { FunctionRecord, Generation } from '../desired/record.ts';
import type { UnpackedImage } from '../images/index.ts';
import type { ActualReplica } from '../replicas/observe.ts';
import type { DesiredFunction, DesiredGeneration, ObservedReplica } from './decide.ts';

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
  task: ActualReplica['task']['status'] = 'none';
  /** The step under way on it. */
  busy?: string;
  ready = false;
  readySinceMs = 0;
  draining = false;
  drained = false;
  drainUntilMs = 0;
  ip?: string;
  startedAtMs = 0;
  /** Crashes and failed starts in a row. */
  failures = 0;
  restarts = 0;
  restartAtMs = 0;
  oomAtMs = 0;
  lastExit?: ReplicaExit;
  /** Ends what watches it: readiness probe, drain timer. */
  watch?: AbortController;

  constructor(id: string, generation: string) {
    this.id = id;
    this.generation = generation;
  }

  stopWatching(): void {
    this.watch?.abort();
    this.watch = undefined;
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
  readonly generations = new Map<string, GenerationState>();
  readonly waiters = new Map<string, ((outcome: GenerationOutcome) => void)[]>();
  /** One pass at a time; `again` asks for another. */
  running = false;
  again = false;
  timer?: NodeJS.Timeout;
  attempted = false;

  constructor(fn: FunctionName) {
    this.fn = fn;
  }

  generation(id: string): GenerationState {
    let generation = this.generations.get(id);
    if (!generation) {
      generation = { pulling: false, failures: 0, retryAtMs: 0 };
      this.generations.set(id, generation);
    }
    return generation;
  }

  /** Tells whoever waits for this generation, once. */
  settle(generation: string, outcome: GenerationOutcome): void {
    const waiters = this.waiters.get(generation) ?? [];
    this.waiters.delete(generation);
    for (const waiter of waiters) waiter(outcome);
  }

  forgetGenerationsBut(record: FunctionRecord | undefined): void {
    const wanted = [record?.current.id, record?.candidate?.id];
    for (const id of this.generations.keys()) {
      if (!wanted.includes(id)) this.generations.delete(id);
    }
  }

  readyReplicas(generation: string): ReplicaState[] {
    return [...this.replicas.values()].filter(
      (replica) => replica.generation === generation && replica.ready && !replica.draining,
    );
  }
}

export function desiredView(record: FunctionRecord, state: FunctionState, parked: number): DesiredFunction {
  const view = (generation: Generation): DesiredGeneration => {
    const { image, failure } = state.generation(generation.id);
    return { id: generation.id, imageReady: image !== undefined, failed: failure !== undefined };
  };
  return {
    current: view(record.current),
    candidate: record.candidate && view(record.candidate),
    replicas: Math.max(1, record.replicas),
    asleep: record.asleep,
    parked,
  };
}

export function observedView(replica: ReplicaState, nowMs: number): ObservedReplica {
  const { id, generation, task, created, ready, draining, drained } = replica;
  return {
    id,
    generation,
    task,
    created,
    ready,
    draining,
    drained,
    busy: replica.busy !== undefined,
    backingOff: replica.restartAtMs > nowMs,
  };
}
