import { monotonicMs } from '../../../base/monotonic.ts';
import { fullName, functionPort, workloadOf, type FailedStart, type FunctionName } from '../../../provider/index.ts';
import { replicasWanted, shortId, type FunctionRecord } from '../desired/record.ts';
import type { ActualReplica } from '../replicas/observe.ts';
import { StartError } from '../start-error.ts';
import type { Timing } from '../timing.ts';
import { GenerationState } from './generation-state.ts';
import { Replica } from './replica.ts';
import type { ReplicaExit } from './replica-exit.ts';

/** How the start of a generation went. */
export type GenerationOutcome = { ready: true } | { ready: false; error: Error };

/** What a look at containerd has brought to light. */
export interface Findings {
  gone: Replica[];
  exited: { replica: Replica; exit: ReplicaExit }[];
}

/** What the daemon knows of one function: its replicas, its generations, and who waits to hear how their start went. */
export class FunctionState {
  readonly fn: FunctionName;
  /** Ends of its processes since the daemon's start, of replicas that are gone as well. */
  readonly ends = { restarts: 0, oomKills: 0 };
  readonly #timing: Timing;
  readonly #replicas = new Map<string, Replica>();
  readonly #generations = new Map<string, GenerationState>();
  readonly #waiters = new Map<string, ((outcome: GenerationOutcome) => void)[]>();
  #lookedAtMs = -Infinity;

  constructor({ name, namespace }: FunctionName, timing: Timing) {
    this.fn = { name, namespace };
    this.#timing = timing;
  }

  /** Replicas by id. */
  get replicas(): ReadonlyMap<string, Replica> {
    return this.#replicas;
  }

  generation(id: string): GenerationState {
    let generation = this.#generations.get(id);
    if (!generation) this.#generations.set(id, (generation = new GenerationState(id, this.#timing)));
    return generation;
  }

  /**
   * Adds a replica that nothing has been made of yet, but for its attachment perhaps.
   * @param id a new one, unless it has its attachment under it
   */
  newReplica(generation: string, id = shortId()): Replica {
    return this.#add(id, generation);
  }

  #add(id: string, generation: string): Replica {
    const replica = new Replica(id, generation, this.#timing);
    this.#replicas.set(id, replica);
    return replica;
  }

  /** The replica was deleted. */
  forget({ id }: Replica): void {
    this.#replicas.delete(id);
  }

  /** Something may have changed in containerd that we have not done. */
  lookIsDue(): void {
    this.#lookedAtMs = -Infinity;
  }

  /** containerd is about to be asked for the function's replicas. */
  lookBegins(nowMs: number): void {
    this.#lookedAtMs = nowMs;
  }

  /** Whether containerd is to be asked before anything is decided: also where it was not for long, as events may be lost. */
  isLookDue(nowMs: number): boolean {
    return nowMs - this.#lookedAtMs >= this.#timing.resyncMs / 2;
  }

  /** Returns the replicas on which a step is under way: what is seen of them now may be old when it is read. */
  busyReplicas(): ReadonlySet<string> {
    return new Set([...this.#replicas.values()].filter(({ isBusy }) => isBusy).map(({ id }) => id));
  }

  /**
   * containerd has been asked for the function's replicas.
   * @param skipped ids of replicas that were busy when it was asked
   */
  observed(actual: ActualReplica[], skipped: ReadonlySet<string>, nowMs: number): Findings {
    const seen = actual.filter(({ id }) => !skipped.has(id));
    // One that containerd cannot tell of stays as it is, and one that was not known is not counted on.
    const kept = new Set([...seen.map(({ id }) => id), ...skipped]);
    const gone = [...this.#replicas.values()].filter(({ id }) => !kept.has(id));
    for (const replica of gone) this.forget(replica);
    const exited = seen.flatMap(({ id, generation, limits, task }) => {
      if (!task) return [];
      const replica = this.#replicas.get(id) ?? this.#add(id, generation);
      replica.limitsFound(limits);
      const exit = replica.observed(task, nowMs);
      return exit ? [{ replica, exit }] : [];
    });
    this.ends.restarts += exited.length;
    return { gone, exited };
  }

  /** The disks have room again. */
  roomAgain(): void {
    for (const generation of this.#generations.values()) generation.roomAgain();
  }

  /** Time has passed: a failed current generation may be tried again, and a candidate may be late. */
  timePassed(record: FunctionRecord | undefined, nowMs: number): void {
    const wanted = [record?.current.id, record?.candidate?.id];
    for (const id of this.#generations.keys()) if (!wanted.includes(id)) this.#generations.delete(id);
    if (!record) return;
    this.generation(record.current.id).retry(nowMs);
    if (!record.candidate) return;
    const { id, deployment } = record.candidate;
    this.generation(id).expectReady(nowMs, workloadOf(deployment).startAllowedMs);
  }

  replicasOf(generation: string): Replica[] {
    return [...this.#replicas.values()].filter((replica) => replica.generation === generation);
  }

  /** Returns the ends of the generation's processes, as far as they are counted: of replicas that are there, and of condemned ones. */
  exitsOf(generation: string): Pick<Replica, 'restarts' | 'lastExit'>[] {
    return [...this.replicasOf(generation), this.generation(generation)];
  }

  /** Counts the generation's replicas that are made and do not leave. */
  made(generation: string): number {
    const views = this.replicasOf(generation).map((replica) => replica.view(monotonicMs()));
    return views.filter(({ created, draining, unhealthy, broken }) => created && !draining && !unhealthy && !broken)
      .length;
  }

  /** Returns the generation's replicas that take calls. */
  readyReplicas(generation: string): Replica[] {
    return this.replicasOf(generation).filter(({ takesCalls }) => takesCalls);
  }

  /** Resolves when the generation is ready, or with why it is not. */
  outcome(generation: string): Promise<GenerationOutcome> {
    const { promise, resolve } = Promise.withResolvers<GenerationOutcome>();
    this.#waiters.set(generation, [...(this.#waiters.get(generation) ?? []), resolve]);
    return promise;
  }

  /** Tells whoever waits for the generation. */
  settle(generation: string, outcome: GenerationOutcome): void {
    const waiters = this.#waiters.get(generation) ?? [];
    this.#waiters.delete(generation);
    for (const waiter of waiters) waiter(outcome);
  }

  /** Tells whoever waits for the current generation, if there is something to tell; all that wait, once the function is removed. */
  settleCurrent(record: FunctionRecord | undefined): void {
    if (!record) {
      const error = new StartError('removed', `function ${fullName(this.fn)} not found`);
      for (const generation of this.#waiters.keys()) this.settle(generation, { ready: false, error });
      return;
    }
    const { id } = record.current;
    const { failure } = this.generation(id);
    const exit = this.replicasOf(id).find(({ lastExit }) => lastExit)?.lastExit;
    if (this.readyReplicas(id).length >= replicasWanted(record, record.current)) this.settle(id, { ready: true });
    else if (failure) this.settle(id, { ready: false, error: failure });
    else if (exit) this.settle(id, { ready: false, error: new StartError('exited', exit.reason) });
  }

  /** Returns why no call can be taken, and for how long nothing is tried; undefined where a replica runs, or is being started. */
  failedStart({ current, candidate, asleep }: FunctionRecord, nowMs: number): FailedStart | undefined {
    const replicas = this.replicasOf(current.id);
    if (asleep || candidate || replicas.some(({ task }) => task === 'running')) return undefined;
    const untilMs = this.generation(current.id).failedUntilMs(nowMs);
    if (untilMs !== undefined) return { reason: 'it could not be started', retryInMs: untilMs - nowMs };
    const waits = replicas.map((replica) => replica.waitsUntilMs(nowMs) ?? nowMs);
    const retryInMs = Math.min(...waits) - nowMs;
    if (waits.length === 0 || retryInMs <= 0) return undefined;
    const hasExited = replicas.some(({ lastExit }) => lastExit);
    return { reason: hasExited ? 'its process ended' : 'it could not be started', retryInMs };
  }

  /** Says that the process of a version runs and was never ready, unless it is new; undefined for any other. */
  neverReady(generation: string, nowMs: number): string | undefined {
    const ran = this.replicasOf(generation).map((replica) => replica.neverReadyMs(nowMs));
    if (this.readyReplicas(generation).length > 0 || !ran.some((ms) => ms > this.#timing.answerMs)) return undefined;
    return `its process runs and was never ready: does it listen on port ${functionPort}?`;
  }

  /** Returns the next moment at which time alone changes what is to be done, or Infinity. */
  nextDeadlineMs(nowMs: number): number {
    const parts = [...this.#replicas.values(), ...this.#generations.values()];
    return Math.min(...parts.map((part) => part.nextDeadlineMs(nowMs)));
  }
}
