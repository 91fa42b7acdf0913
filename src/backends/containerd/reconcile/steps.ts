import pLimit from 'p-limit';
import { ContainerdError, isUnavailable } from '../../../containerd/index.ts';
import { describeError, type Log } from '../../../base/log.ts';
import { type FunctionName, fullName, workloadOf } from '../../../provider/index.ts';
import type { FunctionStore } from '../desired/function-store.ts';
import { candidateDropped, promoted, resolvedTo, rolledBack, shortId, wantedGeneration } from '../desired/record.ts';
import { StartError } from '../start-error.ts';
import type { GenerationImages } from '../generation-images.ts';
import { createReplica } from '../replicas/create-replica.ts';
import { deleteReplica } from '../replicas/delete-replica.ts';
import type { Host, ReplicaName } from '../replicas/host.ts';
import { createTask, startTask } from '../replicas/start-task.ts';
import { stopTask } from '../replicas/stop-task.ts';
import type { Sweep } from '../sweep.ts';
import type { Timing } from '../timing.ts';
import { backOffMs } from './back-off.ts';
import type { Step } from './decide.ts';
import { ReplicaState, type FunctionState } from './function-state.ts';

/** Steps that start or stop containers at once, over all functions: more only makes each of them slower. */
const parallelJobs = 4;
const shortestRetryMs = 500;
const lastLineLength = 200;

export interface StepsOptions {
  store: FunctionStore;
  host: Host;
  images: GenerationImages;
  sweep: Sweep;
  timing: Timing;
  wake: (fn: FunctionName) => void;
  log: Log;
}

type Job = (name: ReplicaName, replica: ReplicaState) => Promise<void>;

/**
 * Carries out what was decided. What changes the record is done within the pass; what works on a replica or pulls runs as
 * a job beside the passes, one per replica, and wakes the function at its end.
 */
export class Steps {
  readonly #store: FunctionStore;
  readonly #host: Host;
  readonly #images: GenerationImages;
  readonly #sweep: Sweep;
  readonly #timing: Timing;
  readonly #wake: (fn: FunctionName) => void;
  readonly #log: Log;
  readonly #jobs = pLimit(parallelJobs);
  readonly #running = new Set<Promise<void>>();

  constructor({ store, host, images, sweep, timing, wake, log }: StepsOptions) {
    this.#store = store;
    this.#host = host;
    this.#images = images;
    this.#sweep = sweep;
    this.#timing = timing;
    this.#wake = wake;
    this.#log = log;
  }

  async take(state: FunctionState, step: Step): Promise<void> {
    this.#log.debug('step', { function: fullName(state.fn), ...step });
    switch (step.step) {
      case 'promote':
        return this.#promote(state);
      case 'drop-candidate':
        return this.#dropCandidate(state);
      case 'roll-back':
        return this.rollBack(state.fn, 'it crashed again and again after the update');
      case 'ensure-image':
        return this.#ensureImage(state, step.generation);
      case 'create-replica':
        return this.#createReplica(state, step.generation);
      case 'drain':
        return this.#drain(state, step.replica);
      case 'create-task':
        return this.#job(state, step, (name, replica) => this.#createTask(name, replica));
      case 'start-task':
        return this.#job(state, step, (name, replica) => this.#startTask(state, name, replica));
      case 'stop-task':
        return this.#job(state, step, (name, replica) => this.#stopTask(name, replica));
      case 'delete-replica':
        return this.#job(state, step, (name, replica) => this.#deleteReplica(state, name, replica));
    }
  }

  /** The previous version becomes the candidate, and so takes over when it is ready, like any update. */
  async rollBack(fn: FunctionName, reason: string): Promise<void> {
    const record = await this.#store.change(fn, (now) => now && rolledBack(now, reason));
    if (!record?.previous) return;
    const { image } = record.previous.deployment;
    this.#log.warn('rolling back to the previous version', { function: fullName(fn), image, reason });
    this.#wake(fn);
  }

  async #promote(state: FunctionState): Promise<void> {
    const candidate = this.#store.get(state.fn)?.candidate;
    if (!candidate) return;
    await this.#store.change(state.fn, (now) => now && promoted(now));
    const { image } = candidate.deployment;
    this.#log.info('new version serves', { function: fullName(state.fn), generation: candidate.id, image });
    state.settle(candidate.id, { ready: true });
    this.#wake(state.fn);
  }

  async #dropCandidate(state: FunctionState): Promise<void> {
    const candidate = this.#store.get(state.fn)?.candidate;
    if (!candidate) return;
    const error = await this.#candidateError(state, candidate.id);
    const reason = describeError(error);
    // What was wanted meanwhile stays wanted: a removal, a newer update, a wake.
    const record = await this.#store.change(state.fn, (now) => now && candidateDropped(now, candidate.id, reason));
    if (!record) return;
    state.settle(candidate.id, { ready: false, error });
    if (record.failure?.generation !== candidate.id) return;
    const { image } = candidate.deployment;
    this.#log.warn('new version failed, the old one stays', { function: fullName(state.fn), image, reason });
    this.#wake(state.fn);
  }

  /** Why a candidate failed; of a process that ended, also what it said last. */
  async #candidateError(state: FunctionState, generation: string): Promise<Error> {
    const { failure } = state.generation(generation);
    if (failure) return failure;
    const replica = state.replicasOf(generation).find(({ lastExit }) => lastExit);
    const reason = replica?.lastExit?.reason ?? 'its process ended';
    const line = replica && (await this.#lastLine(state.fn, replica.id));
    return new StartError('exited', line ? `${reason}; its last line: ${line.slice(0, lastLineLength)}` : reason);
  }

  async #lastLine(fn: FunctionName, instance: string): Promise<string | undefined> {
    for await (const { text } of this.#host.logs.archive.query({ ...fn, instance, tail: 1, follow: false }))
      return text;
    return undefined;
  }

  #ensureImage(state: FunctionState, generationId: string): void {
    const generation = state.generation(generationId);
    if (generation.pulling) return;
    generation.pulling = true;
    void this.#pull(state, generationId)
      .catch((error: unknown) => this.#generationFailed(state, generationId, error))
      .finally(() => {
        generation.pulling = false;
        this.#wake(state.fn);
      });
  }

  async #pull(state: FunctionState, generationId: string): Promise<void> {
    const wanted = this.#generation(state.fn, generationId);
    if (!wanted) return;
    const image = await this.#images.ensure(wanted.deployment, wanted.imageDigest);
    state.generation(generationId).image = image;
    // A pull that took longer than its deploy waited: the record learns now what the reference stood for.
    await this.#store.change(state.fn, (now) => now && resolvedTo(now, generationId, image.digest));
  }

  #createReplica(state: FunctionState, generationId: string): void {
    const replica = new ReplicaState(shortId(), generationId);
    state.replicas.set(replica.id, replica);
    this.#job(state, { step: 'create-replica', replica: replica.id }, async (name) => {
      const generation = this.#generation(state.fn, generationId);
      const { image } = state.generation(generationId);
      if (!generation || !image) return;
      await createReplica(this.#host, name, generation, image);
      replica.created = true;
    });
  }

  async #createTask(name: ReplicaName, replica: ReplicaState): Promise<void> {
    const generation = this.#generation(name, replica.generation);
    if (!generation) return;
    await createTask(this.#host, name, generation);
    replica.task = 'created';
  }

  async #startTask(state: FunctionState, name: ReplicaName, replica: ReplicaState): Promise<void> {
    const generation = this.#generation(name, replica.generation);
    if (!generation) return;
    const { ip } = await startTask(this.#host, name, generation);
    replica.ip = ip;
    replica.startedAtMs = Date.now();
    // So that an exit before the next look at containerd counts as a crash of what was started.
    replica.task = 'running';
    state.generation(replica.generation).failures = 0;
  }

  #drain(state: FunctionState, replicaId: string): void {
    const replica = state.replicas.get(replicaId);
    if (!replica) return;
    const generation = this.#generation(state.fn, replica.generation) ?? this.#store.get(state.fn)?.previous;
    replica.stopWatching();
    replica.draining = true;
    replica.drainUntilMs =
      Date.now() + ((generation && workloadOf(generation.deployment).drainMs) ?? this.#timing.drainMs);
  }

  async #stopTask(name: ReplicaName, replica: ReplicaState): Promise<void> {
    await stopTask(this.#host, name, this.#timing.graceMs);
    replica.stopped();
    replica.failures = 0;
    replica.restartAtMs = 0;
  }

  async #deleteReplica(state: FunctionState, name: ReplicaName, replica: ReplicaState): Promise<void> {
    replica.stopWatching();
    await deleteReplica(this.#host, name);
    state.replicas.delete(replica.id);
    this.#sweep.soon();
  }

  #generation(fn: FunctionName, id: string) {
    const record = this.#store.get(fn);
    return record && wantedGeneration(record, id);
  }

  #job(state: FunctionState, { step, replica: id }: { step: string; replica: string }, work: Job): void {
    const replica = state.replicas.get(id);
    if (!replica) return;
    replica.busy = step;
    void this.#jobs(async () => {
      const job = this.#run(state, replica, step, work);
      this.#running.add(job);
      await job;
      this.#running.delete(job);
      this.#wake(state.fn);
    });
  }

  /** Never rejects. */
  async #run(state: FunctionState, replica: ReplicaState, step: string, work: Job): Promise<void> {
    try {
      await work({ id: replica.id, name: state.fn.name, namespace: state.fn.namespace }, replica);
    } catch (error) {
      this.#jobFailed(state, replica, step, error);
    } finally {
      replica.busy = undefined;
    }
  }

  #jobFailed(state: FunctionState, replica: ReplicaState, step: string, error: unknown): void {
    replica.failures += 1;
    replica.retryAtMs = Date.now() + this.#retryMs(replica.failures);
    this.#log.warn(`${step} failed`, {
      function: fullName(state.fn),
      replica: replica.id,
      error: describeError(error),
    });
    if (step === 'start-task' || step === 'create-task') replica.broken = !isUnavailable(error);
    if (step === 'start-task' || step === 'create-replica') this.#generationFailed(state, replica.generation, error);
  }

  /** A candidate that fails is dropped; the current generation is tried again after a back-off. */
  #generationFailed(state: FunctionState, generationId: string, error: unknown): void {
    // While containerd is away nobody's version is at fault.
    if (isUnavailable(error)) return;
    const generation = state.generation(generationId);
    generation.failures += 1;
    // Nor need it be the first time that containerd refuses: what a crash left may be in the way of this one replica.
    if (error instanceof ContainerdError && generation.failures === 1) return;
    generation.failure = error instanceof Error ? error : new Error(String(error));
    generation.retryAtMs = Date.now() + this.#retryMs(generation.failures);
  }

  /** Begins no further job, and resolves when those under way have ended: cut off, they would leave containerd in doubt. */
  async stop(): Promise<void> {
    this.#jobs.clearQueue();
    await Promise.all(this.#running);
  }

  #retryMs(failures: number): number {
    const { restartBaseMs: baseMs, restartMaxMs: maxMs } = this.#timing;
    return Math.max(shortestRetryMs, backOffMs(failures, { baseMs, maxMs }));
  }
}
