import pLimit from 'p-limit';
import { isUnavailable } from '../../containerd/index.ts';
import { describeError, type Log } from '../../log.ts';
import {
  BadRequestError,
  FunctionNotFoundError,
  ProviderError,
  type CallOutcome,
  type FunctionName,
} from '../../provider/index.ts';
import { FunctionStore, keyOf, type FunctionKey } from '../desired/function-store.ts';
import { shortId, wantedGeneration, type FunctionRecord } from '../desired/record.ts';
import { ReplicaExitedError } from '../errors.ts';
import type { GenerationImages } from '../generation-images.ts';
import { untilReady } from '../readiness.ts';
import { createReplica } from '../replicas/create-replica.ts';
import { deleteReplica } from '../replicas/delete-replica.ts';
import type { Host, ReplicaName } from '../replicas/host.ts';
import { observeFunction, type ActualReplica } from '../replicas/observe.ts';
import { startTask } from '../replicas/start-task.ts';
import { stopTask } from '../replicas/stop-task.ts';
import type { Routes } from '../routes.ts';
import { drainMsOf, functionPort, maxInflightOf, minReplicasOf } from '../settings.ts';
import type { Timing } from '../timing.ts';
import { backOffMs } from './back-off.ts';
import { decide, type Step } from './decide.ts';
import { desiredView, FunctionState, observedView, ReplicaState, type GenerationOutcome } from './function-state.ts';

/** Steps that start or stop containers at once, over all functions: more only makes each of them slower. */
const parallelJobs = 4;
const retryAfterOutageMs = 500;
/** An OOM event this close before an exit explains it. */
const oomWindowMs = 5000;

export interface ReconcilerOptions {
  store: FunctionStore;
  host: Host;
  images: GenerationImages;
  routes: Routes;
  timing: Timing;
  log: Log;
}

/**
 * Brings each function from what is there to what is wanted: compare, take the steps, repeat; one pass at a time per
 * function, woken by changes, exits, reconnects and a slow resync. Steps run as jobs beside the pass, one per replica.
 */
export class Reconciler {
  readonly #store: FunctionStore;
  readonly #host: Host;
  readonly #images: GenerationImages;
  readonly #routes: Routes;
  readonly #timing: Timing;
  readonly #log: Log;
  readonly #states = new Map<FunctionKey, FunctionState>();
  readonly #jobs = pLimit(parallelJobs);
  readonly #stopping = new AbortController();

  constructor({ store, host, images, routes, timing, log }: ReconcilerOptions) {
    this.#store = store;
    this.#host = host;
    this.#images = images;
    this.#routes = routes;
    this.#timing = timing;
    this.#log = log;
  }

  /** Look at this function soon. */
  wake(fn: FunctionName): void {
    if (this.#stopping.signal.aborted) return;
    const state = this.#state(fn);
    state.again = true;
    if (!state.running) void this.#run(state);
  }

  wakeAll(): void {
    for (const { fn } of this.#states.values()) this.wake(fn);
  }

  /** Watchers and timers end; what runs, runs on. */
  stop(): void {
    this.#stopping.abort();
    for (const state of this.#states.values()) {
      clearTimeout(state.timer);
      for (const replica of state.replicas.values()) replica.stopWatching();
    }
  }

  /** Every function has been looked at once since the start. */
  get settledOnce(): boolean {
    return [...this.#states.values()].every((state) => state.attempted);
  }

  state(fn: FunctionName): FunctionState | undefined {
    return this.#states.get(keyOf(fn));
  }

  /** Resolves when the generation is ready, or with what it failed of. */
  outcome(fn: FunctionName, generation: string): Promise<GenerationOutcome> {
    const { promise, resolve } = Promise.withResolvers<GenerationOutcome>();
    const { waiters } = this.#state(fn);
    waiters.set(generation, [...(waiters.get(generation) ?? []), resolve]);
    return promise;
  }

  /** A newer update has taken this candidate's place. */
  superseded(fn: FunctionName, generation: string): void {
    const error = new ProviderError(409, `a newer update of ${keyOf(fn)} has taken its place`);
    this.#state(fn).settle(generation, { ready: false, error });
  }

  /** Replicas that are there or being made. */
  replicaIds(): string[] {
    return [...this.#states.values()].flatMap(({ replicas }) => [...replicas.keys()]);
  }

  /** The function that a replica belongs to, when it is one of ours. */
  functionOf(replicaId: string): FunctionName | undefined {
    for (const { fn, replicas } of this.#states.values()) if (replicas.has(replicaId)) return fn;
    return undefined;
  }

  oomSeen(replicaId: string): void {
    for (const { replicas } of this.#states.values()) {
      const replica = replicas.get(replicaId);
      if (replica) replica.oomAtMs = Date.now();
    }
  }

  /** A call's end, as the router saw it: a replica that cannot be reached is probed again before it gets more calls. */
  callEnded(replicaId: string, outcome: CallOutcome): void {
    if (outcome.failure !== 'unreachable') return;
    const fn = this.functionOf(replicaId);
    const replica = fn && this.state(fn)?.replicas.get(replicaId);
    if (!fn || !replica?.ready) return;
    this.#log.warn('replica cannot be reached', { function: keyOf(fn), replica: replicaId });
    replica.ready = false;
    replica.stopWatching();
    this.wake(fn);
  }

  #state(fn: FunctionName): FunctionState {
    const key = keyOf(fn);
    let state = this.#states.get(key);
    if (!state) {
      state = new FunctionState({ name: fn.name, namespace: fn.namespace });
      this.#states.set(key, state);
    }
    return state;
  }

  async #run(state: FunctionState): Promise<void> {
    state.running = true;
    clearTimeout(state.timer);
    try {
      while (state.again && !this.#stopping.signal.aborted) {
        state.again = false;
        await this.#pass(state);
        state.attempted = true;
      }
    } catch (error) {
      this.#log.warn('will look at the function again', { function: keyOf(state.fn), error: describeError(error) });
      this.#wakeIn(state, retryAfterOutageMs);
    } finally {
      state.running = false;
    }
    if (state.again) this.wake(state.fn);
  }

  async #pass(state: FunctionState): Promise<void> {
    const { fn } = state;
    if (this.#store.isUnreadable(fn)) return;
    this.#merge(state, await observeFunction(this.#host.containerd, fn));
    const record = this.#store.get(fn);
    state.forgetGenerationsBut(record);
    this.#settle(state, record);
    const steps = this.#decide(state, record);
    for (const step of steps) await this.#take(state, record, step);
    this.#route(state, this.#store.get(fn));
    this.#watchDrains(state);
    if (!record && state.replicas.size === 0) this.#forget(state);
    else this.#wakeAtNextDeadline(state);
  }

  #decide(state: FunctionState, record: FunctionRecord | undefined): Step[] {
    const nowMs = Date.now();
    this.#checkStartDeadline(state, record);
    const current = record && state.generation(record.current.id);
    if (current?.failure && current.retryAtMs <= nowMs) current.failure = undefined;
    const replicas = [...state.replicas.values()].map((replica) => observedView(replica, nowMs));
    const parked = record ? minReplicasOf(record.current.deployment) : 0;
    return decide(record && desiredView(record, state, parked), replicas);
  }

  #checkStartDeadline(state: FunctionState, record: FunctionRecord | undefined): void {
    if (!record?.candidate) return;
    const candidate = state.generation(record.candidate.id);
    if (!candidate.image) return;
    candidate.startUntilMs ??= Date.now() + this.#timing.startMs;
    if (candidate.startUntilMs <= Date.now()) {
      candidate.failure ??= new BadRequestError(
        `it was not ready within ${this.#timing.startMs / 1000} s: does it listen on port ${functionPort}?`,
      );
    }
  }

  /** What containerd says, into what we know. */
  #merge(state: FunctionState, actual: ActualReplica[]): void {
    const seen = new Set(actual.map(({ id }) => id));
    for (const replica of state.replicas.values()) {
      if (seen.has(replica.id) || replica.busy) continue;
      replica.stopWatching();
      state.replicas.delete(replica.id);
    }
    for (const { id, generation, task } of actual) {
      const replica = state.replicas.get(id) ?? new ReplicaState(id, generation);
      state.replicas.set(id, replica);
      replica.created = true;
      if (!replica.busy) this.#mergeTask(state, replica, task);
    }
  }

  #mergeTask(state: FunctionState, replica: ReplicaState, task: ActualReplica['task']): void {
    const before = replica.task;
    replica.task = task.status;
    if (task.status === 'running') {
      if (!replica.ready && !replica.watch && !replica.draining) this.#watch(state, replica);
      return;
    }
    replica.ready = false;
    replica.stopWatching();
    if (task.status === 'stopped' && before === 'running') this.#exited(state, replica, task.exitStatus ?? 0);
    if (task.status === 'none') replica.draining = replica.drained = false;
  }

  #exited(state: FunctionState, replica: ReplicaState, exitStatus: number): void {
    const nowMs = Date.now();
    const stable = nowMs - replica.startedAtMs >= this.#timing.stableMs;
    replica.failures = stable ? 1 : replica.failures + 1;
    replica.restarts += 1;
    replica.lastExit = { reason: exitReason(exitStatus, nowMs - replica.oomAtMs < oomWindowMs), at: new Date(nowMs) };
    replica.restartAtMs = nowMs + this.#backOffMs(replica.failures);
    if (replica.draining) return;
    this.#log.warn('replica exited', {
      function: keyOf(state.fn),
      replica: replica.id,
      reason: replica.lastExit.reason,
      restartInMs: Math.round(replica.restartAtMs - nowMs),
    });
  }

  #backOffMs(failures: number): number {
    return backOffMs(failures, { baseMs: this.#timing.restartBaseMs, maxMs: this.#timing.restartMaxMs });
  }

  /** Readiness of a running replica, from its probe. */
  #watch(state: FunctionState, replica: ReplicaState): void {
    const watch = new AbortController();
    replica.watch = watch;
    void this.#probe(state, replica, watch.signal);
  }

  async #probe(state: FunctionState, replica: ReplicaState, signal: AbortSignal): Promise<void> {
    try {
      // An adopted replica's address is looked up; attach() finds the attachment that is there.
      replica.ip ??= (await this.#host.network.attach(replica.id)).ip;
      await untilReady({ hostname: replica.ip, port: functionPort }, signal);
      if (signal.aborted) return;
      replica.ready = true;
      replica.readySinceMs = Date.now();
      this.#log.info('replica ready', { function: keyOf(state.fn), replica: replica.id, ip: replica.ip });
    } catch (error) {
      if (signal.aborted) return;
      this.#log.warn('cannot probe replica', { replica: replica.id, error: describeError(error) });
    }
    replica.watch = undefined;
    this.wake(state.fn);
  }

  /** Outcomes that whoever deployed waits for. */
  #settle(state: FunctionState, record: FunctionRecord | undefined): void {
    if (!record) return;
    const { current } = record;
    if (state.readyReplicas(current.id).length >= Math.max(1, record.replicas)) {
      state.settle(current.id, { ready: true });
      return;
    }
    const { failure } = state.generation(current.id);
    const exited = [...state.replicas.values()].find(
      ({ generation, lastExit }) => generation === current.id && lastExit,
    );
    if (failure) state.settle(current.id, { ready: false, error: failure });
    else if (exited)
      state.settle(current.id, { ready: false, error: new ReplicaExitedError(exited.lastExit?.reason ?? '') });
  }

  #route(state: FunctionState, record: FunctionRecord | undefined): void {
    const { fn } = state;
    if (!record) {
      this.#routes.delete(fn);
      return;
    }
    const ready = state.readyReplicas(record.current.id);
    const known = this.#routes.targets(fn).map(({ replica }) => replica);
    const same = ready.length === known.length && ready.every(({ id }) => known.includes(id));
    if (same) return;
    const maxInflight = maxInflightOf(record.current.deployment);
    this.#routes.set(
      fn,
      ready.map(({ id, ip = '', readySinceMs }) => ({
        replica: id,
        hostname: ip,
        port: functionPort,
        readySinceMs,
        maxInflight,
      })),
    );
  }

  async #take(state: FunctionState, record: FunctionRecord | undefined, step: Step): Promise<void> {
    this.#log.debug('step', { function: keyOf(state.fn), ...step });
    switch (step.step) {
      case 'promote':
        return this.#promote(state);
      case 'drop-candidate':
        return this.#dropCandidate(state);
      case 'ensure-image':
        return this.#ensureImage(state, step.generation);
      case 'create-replica':
        return this.#create(state, record, step.generation);
      case 'drain':
        return this.#drain(state, step.replica, record);
      case 'start-task':
        return this.#job(state, step, (replica) => this.#start(state, record, replica));
      case 'stop-task':
        return this.#job(state, step, (replica) => this.#stop(state, replica));
      case 'delete-replica':
        return this.#job(state, step, (replica) => this.#delete(state, replica));
    }
  }

  async #promote(state: FunctionState): Promise<void> {
    const record = this.#store.get(state.fn);
    if (!record?.candidate) return;
    const { candidate, current, replicas, schema } = record;
    await this.#store.put(state.fn, { schema, current: candidate, previous: current, replicas, asleep: false });
    this.#log.info('new version serves', {
      function: keyOf(state.fn),
      generation: candidate.id,
      image: candidate.deployment.image,
    });
    state.settle(candidate.id, { ready: true });
    state.again = true;
  }

  async #dropCandidate(state: FunctionState): Promise<void> {
    const record = this.#store.get(state.fn);
    if (!record?.candidate) return;
    const { candidate, ...rest } = record;
    const error = this.#candidateError(state, candidate.id);
    const reason = describeError(error);
    await this.#store.put(state.fn, {
      ...rest,
      failure: { generation: candidate.id, reason, at: new Date().toISOString() },
    });
    this.#log.warn('new version failed; the old one stays', {
      function: keyOf(state.fn),
      image: candidate.deployment.image,
      reason,
    });
    state.settle(candidate.id, { ready: false, error });
    state.again = true;
  }

  #candidateError(state: FunctionState, generation: string): Error {
    const { failure } = state.generation(generation);
    if (failure) return failure;
    const exited = [...state.replicas.values()].find(
      (replica) => replica.generation === generation && replica.lastExit,
    );
    return new ReplicaExitedError(exited?.lastExit?.reason ?? 'its process ended');
  }

  #ensureImage(state: FunctionState, generationId: string): void {
    const known = state.generation(generationId);
    if (known.pulling) return;
    known.pulling = true;
    void this.#pull(state, generationId)
      .catch((error: unknown) => this.#generationFailed(state, generationId, error))
      .finally(() => {
        known.pulling = false;
        this.wake(state.fn);
      });
  }

  async #pull(state: FunctionState, generationId: string): Promise<void> {
    const { fn } = state;
    const generation = wantedGeneration(this.#store.get(fn) ?? noRecord(fn), generationId);
    if (!generation) return;
    const { deployment, imageDigest } = generation;
    const image = await this.#images.ensure(deployment, imageDigest);
    state.generation(generationId).image = image;
    if (imageDigest) return;
    const record = this.#store.get(fn);
    const still = record && wantedGeneration(record, generationId);
    if (!record || !still) return;
    const resolved = { ...still, imageDigest: image.digest };
    const changed = record.current.id === generationId ? { current: resolved } : { candidate: resolved };
    await this.#store.put(fn, { ...record, ...changed });
  }

  #create(state: FunctionState, record: FunctionRecord | undefined, generationId: string): void {
    const generation = record && wantedGeneration(record, generationId);
    const { image } = state.generation(generationId);
    if (!generation || !image) return;
    const replica = new ReplicaState(shortId(), generationId);
    state.replicas.set(replica.id, replica);
    this.#job(state, { step: 'create-replica', replica: replica.id }, async () => {
      await createReplica(this.#host, this.#replicaName(state, replica), generation, image);
      replica.created = true;
    });
  }

  async #start(state: FunctionState, record: FunctionRecord | undefined, replica: ReplicaState): Promise<void> {
    const generation = record && wantedGeneration(record, replica.generation);
    if (!generation) return;
    const { ip } = await startTask(this.#host, this.#replicaName(state, replica), generation);
    replica.ip = ip;
    replica.startedAtMs = Date.now();
    // So that an exit before the next look at containerd counts as a crash of what we started.
    replica.task = 'running';
  }

  #drain(state: FunctionState, replicaId: string, record: FunctionRecord | undefined): void {
    const replica = state.replicas.get(replicaId);
    if (!replica) return;
    const generation = record && wantedGeneration(record, replica.generation);
    replica.stopWatching();
    replica.draining = true;
    replica.drainUntilMs = Date.now() + (drainMsOf(generation?.deployment) ?? this.#timing.drainMs);
  }

  /** After the routes were set: only then can the last call have come. */
  #watchDrains(state: FunctionState): void {
    for (const replica of state.replicas.values()) {
      if (!replica.draining || replica.drained || replica.watch) continue;
      const watch = new AbortController();
      replica.watch = watch;
      const done = () => {
        if (watch.signal.aborted) return;
        replica.stopWatching();
        replica.drained = true;
        this.wake(state.fn);
      };
      const timer = setTimeout(done, Math.max(0, replica.drainUntilMs - Date.now()));
      watch.signal.addEventListener('abort', () => clearTimeout(timer));
      this.#routes.whenIdle(replica.id, done);
    }
  }

  async #stop(state: FunctionState, replica: ReplicaState): Promise<void> {
    await stopTask(this.#host, this.#replicaName(state, replica), this.#timing.graceMs);
    replica.task = 'none';
    replica.failures = 0;
    replica.restartAtMs = 0;
    replica.draining = replica.drained = false;
  }

  async #delete(state: FunctionState, replica: ReplicaState): Promise<void> {
    replica.stopWatching();
    await deleteReplica(this.#host, this.#replicaName(state, replica));
    state.replicas.delete(replica.id);
  }

  #replicaName({ fn }: FunctionState, { id }: ReplicaState): ReplicaName {
    return { id, name: fn.name, namespace: fn.namespace };
  }

  /** Runs a step on a replica beside the passes; its end wakes the function. */
  #job(
    state: FunctionState,
    { step, replica: id }: { step: string; replica: string },
    work: (replica: ReplicaState) => Promise<void>,
  ): void {
    const replica = state.replicas.get(id);
    if (!replica) return;
    replica.busy = step;
    const run = async () => {
      try {
        await work(replica);
      } catch (error) {
        this.#stepFailed(state, replica, error);
      } finally {
        replica.busy = undefined;
        this.wake(state.fn);
      }
    };
    void this.#jobs(run);
  }

  #stepFailed(state: FunctionState, replica: ReplicaState, error: unknown): void {
    const { busy } = replica;
    replica.failures += 1;
    const delayMs = isUnavailable(error) ? retryAfterOutageMs : this.#backOffMs(replica.failures);
    replica.restartAtMs = Date.now() + Math.max(delayMs, retryAfterOutageMs);
    this.#log.warn(`${busy} failed`, { function: keyOf(state.fn), replica: replica.id, error: describeError(error) });
    if (busy === 'create-replica' || busy === 'start-task') this.#generationFailed(state, replica.generation, error);
  }

  /** A candidate that fails is dropped; the current generation is tried again after a back-off. */
  #generationFailed(state: FunctionState, generationId: string, error: unknown): void {
    if (isUnavailable(error)) return;
    const generation = state.generation(generationId);
    generation.failures += 1;
    generation.failure = error instanceof Error ? error : new Error(String(error));
    generation.retryAtMs = Date.now() + Math.max(retryAfterOutageMs, this.#backOffMs(generation.failures));
  }

  #forget(state: FunctionState): void {
    const error = new FunctionNotFoundError(state.fn);
    for (const generation of state.waiters.keys()) state.settle(generation, { ready: false, error });
    clearTimeout(state.timer);
    this.#states.delete(keyOf(state.fn));
  }

  #wakeAtNextDeadline(state: FunctionState): void {
    const nowMs = Date.now();
    const deadlines = [
      ...[...state.replicas.values()].map(({ restartAtMs }) => restartAtMs),
      ...[...state.generations.values()].map(({ failure, retryAtMs }) => (failure ? retryAtMs : 0)),
      ...[...state.generations.values()].map(({ startUntilMs }) => startUntilMs ?? 0),
    ].filter((atMs) => atMs > nowMs);
    if (deadlines.length > 0) this.#wakeIn(state, Math.min(...deadlines) - nowMs);
  }

  #wakeIn(state: FunctionState, delayMs: number): void {
    clearTimeout(state.timer);
    state.timer = setTimeout(() => this.wake(state.fn), delayMs);
  }
}

function noRecord(fn: FunctionName): never {
  throw new Error(`function ${keyOf(fn)} was removed while its image was pulled`);
}

function exitReason(exitStatus: number, oom: boolean): string {
  if (oom) return 'its process was killed: out of memory (OOM), raise limits.memory';
  if (exitStatus > 128) return `its process was ended by signal ${exitStatus - 128}`;
  return `its process exited with code ${exitStatus}`;
}
