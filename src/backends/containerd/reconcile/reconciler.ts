import { describeError, type Log } from '../../../base/log.ts';
import {
  type CallOutcome,
  type FunctionName,
  fullName,
  functionPort,
  type RoutingTable,
  workloadOf,
} from '../../../provider/index.ts';
import type { FunctionStore } from '../desired/function-store.ts';
import { wantedGeneration, type FunctionRecord } from '../desired/record.ts';
import { StartError } from '../start-error.ts';
import type { GenerationImages } from '../generation-images.ts';
import type { Host } from '../replicas/host.ts';
import { observeFunction, type ActualReplica, type TaskState } from '../replicas/observe.ts';
import type { Sweep } from '../sweep.ts';
import type { Timing } from '../timing.ts';
import { backOffMs } from './back-off.ts';
import { decide } from './decide.ts';
import { recordExit, recordOutOfMemory } from './exit-reason.ts';
import { ReplicaState, type FunctionState, type GenerationOutcome } from './function-state.ts';
import type { FunctionStates } from './function-states.ts';
import { Steps } from './steps.ts';
import { desiredView, observedView } from './views.ts';
import { Watches } from './watches.ts';

const retryAfterOutageMs = 500;

export interface ReconcilerOptions {
  store: FunctionStore;
  host: Host;
  images: GenerationImages;
  routes: RoutingTable;
  states: FunctionStates;
  sweep: Sweep;
  timing: Timing;
  log: Log;
}

/**
 * Brings each function from what is there to what is wanted: compare, take the steps, repeat; one pass at a time per
 * function, woken by changes, exits, reconnects, ended steps and a slow resync.
 */
export class Reconciler {
  readonly #store: FunctionStore;
  readonly #host: Host;
  readonly #routes: RoutingTable;
  readonly #timing: Timing;
  readonly #log: Log;
  readonly #steps: Steps;
  readonly #watches: Watches;
  readonly #states: FunctionStates;
  #stopped = false;

  constructor({ store, host, images, routes, states, sweep, timing, log }: ReconcilerOptions) {
    this.#store = store;
    this.#host = host;
    this.#routes = routes;
    this.#states = states;
    this.#timing = timing;
    this.#log = log;
    const wake = (fn: FunctionName) => this.wake(fn);
    this.#steps = new Steps({ store, host, images, sweep, timing, wake, log });
    this.#watches = new Watches({ network: host.network, routes, wake, log });
    routes.onOutcome((replicaId, outcome) => this.#callEnded(replicaId, outcome));
  }

  /** Look at this function soon. */
  wake(fn: FunctionName): void {
    if (this.#stopped) return;
    const state = this.#states.of(fn);
    state.again = true;
    if (!state.running) void this.#run(state);
  }

  wakeAll(): void {
    for (const { fn } of this.#states.all()) this.wake(fn);
  }

  /** Watches and timers end, steps under way are waited for; what runs, runs on. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const state of this.#states.all()) {
      clearTimeout(state.timer);
      for (const replica of state.replicas.values()) replica.stopWatching();
    }
    await this.#steps.stop();
  }

  /** Every function has been looked at once since the start. */
  get settledOnce(): boolean {
    return this.#states.all().every((state) => state.attempted);
  }

  /** Resolves when the generation is ready, or with what it failed of. */
  outcome(fn: FunctionName, generation: string): Promise<GenerationOutcome> {
    return this.#states.of(fn).outcome(generation);
  }

  /** A newer update has taken this candidate's place. */
  superseded(fn: FunctionName, generation: string): void {
    const error = new StartError('superseded', `a newer update of ${fullName(fn)} has taken its place`);
    this.#states.of(fn).settle(generation, { ready: false, error });
  }

  rollBack(fn: FunctionName): Promise<void> {
    return this.#steps.rollBack(fn, 'it was asked for');
  }

  taskExited(replicaId: string): void {
    const owner = this.#states.replica(replicaId);
    if (owner) this.wake(owner.state.fn);
  }

  taskOutOfMemory(replicaId: string): void {
    const owner = this.#states.replica(replicaId);
    if (!owner || !recordOutOfMemory(owner.replica, Date.now())) return;
    const { fn } = owner.state;
    this.#log.warn('why it exited', {
      function: fullName(fn),
      replica: replicaId,
      reason: owner.replica.lastExit?.reason,
    });
  }

  #callEnded(replicaId: string, outcome: CallOutcome): void {
    const owner = this.#states.replica(replicaId);
    if (owner) this.#watches.callEnded(owner.state.fn, owner.replica, outcome);
  }

  async #run(state: FunctionState): Promise<void> {
    state.running = true;
    clearTimeout(state.timer);
    try {
      while (state.again && !this.#stopped) {
        state.again = false;
        await this.#pass(state);
        state.attempted = true;
      }
    } catch (error) {
      this.#log.warn('will look at the function again', { function: fullName(state.fn), error: describeError(error) });
      this.#wakeIn(state, retryAfterOutageMs);
    } finally {
      state.running = false;
    }
  }

  async #pass(state: FunctionState): Promise<void> {
    const { fn } = state;
    if (this.#store.isUnreadable(fn)) return;
    const inWork = new Set([...state.replicas.values()].filter(({ busy }) => busy).map(({ id }) => id));
    const actual = await observeFunction(this.#host.containerd, fn);
    // A step that ended while we looked has left something newer than we saw; it has asked for another look.
    this.#merge(
      state,
      actual.filter(({ id }) => !inWork.has(id)),
      inWork,
    );
    const record = this.#store.get(fn);
    state.forgetGenerationsBut(record);
    this.#checkTime(state, record);
    this.#settle(state, record);
    const replicas = [...state.replicas.values()].map((replica) => observedView(replica, Date.now()));
    for (const step of decide(record && desiredView(record, state), replicas)) await this.#steps.take(state, step);
    // Read again: a step may have changed it.
    this.#route(state, this.#store.get(fn));
    this.#watch(state, this.#store.get(fn));
    if (!this.#store.has(fn) && state.replicas.size === 0) this.#forget(state);
    else this.#wakeIn(state, (state.nextDeadlineMs(Date.now()) ?? Infinity) - Date.now());
  }

  /** What containerd says, into what we know. */
  #merge(state: FunctionState, actual: ActualReplica[], inWork: ReadonlySet<string>): void {
    const seen = new Set(actual.map(({ id }) => id));
    for (const replica of state.replicas.values()) {
      if (seen.has(replica.id) || inWork.has(replica.id)) continue;
      replica.stopWatching();
      state.replicas.delete(replica.id);
    }
    for (const { id, generation, task } of actual) {
      const replica = state.replicas.get(id) ?? new ReplicaState(id, generation);
      state.replicas.set(id, replica);
      replica.created = true;
      this.#mergeTask(state, replica, task);
    }
  }

  #mergeTask(state: FunctionState, replica: ReplicaState, task: TaskState): void {
    const crashed = task.status !== 'running' && replica.task === 'running';
    if (crashed) this.#exited(state, replica, task.exitStatus ?? 0);
    if (task.status !== 'running') replica.stopped();
    replica.task = task.status;
  }

  #exited(state: FunctionState, replica: ReplicaState, exitStatus: number): void {
    const nowMs = Date.now();
    const { stableMs, restartBaseMs: baseMs, restartMaxMs: maxMs } = this.#timing;
    replica.failures = nowMs - replica.startedAtMs >= stableMs ? 1 : replica.failures + 1;
    replica.restarts += 1;
    replica.restartAtMs = nowMs + backOffMs(replica.failures, { baseMs, maxMs });
    const { reason } = recordExit(replica, exitStatus, nowMs);
    const restartInMs = Math.round(replica.restartAtMs - nowMs);
    this.#log.warn('replica exited', { function: fullName(state.fn), replica: replica.id, reason, restartInMs });
  }

  /** What time alone changes: a failed generation's retry, and the end of a candidate's patience. */
  #checkTime(state: FunctionState, record: FunctionRecord | undefined): void {
    if (!record) return;
    const nowMs = Date.now();
    const current = state.generation(record.current.id);
    if (current.failure && current.retryAtMs <= nowMs) current.failure = undefined;
    const candidate = record.candidate && state.generation(record.candidate.id);
    if (!candidate?.image) return;
    candidate.startUntilMs ??= nowMs + this.#timing.startMs;
    if (candidate.startUntilMs > nowMs) return;
    const seconds = this.#timing.startMs / 1000;
    candidate.failure ??= new StartError(
      'not-ready',
      `it was not ready within ${seconds} s: does it listen on port ${functionPort}?`,
    );
  }

  /** Tells whoever deployed the current generation how it went. */
  #settle(state: FunctionState, record: FunctionRecord | undefined): void {
    if (!record) {
      const error = new StartError('removed', `function ${fullName(state.fn)} not found`);
      state.settleAll({ ready: false, error });
      return;
    }
    const { id } = record.current;
    const { failure } = state.generation(id);
    const exit = state.replicasOf(id).find(({ lastExit }) => lastExit)?.lastExit;
    if (state.readyReplicas(id).length >= Math.max(1, record.replicas)) state.settle(id, { ready: true });
    else if (failure) state.settle(id, { ready: false, error: failure });
    else if (exit) state.settle(id, { ready: false, error: new StartError('exited', exit.reason) });
  }

  #route(state: FunctionState, record: FunctionRecord | undefined): void {
    const { fn } = state;
    if (!record) {
      this.#routes.delete(fn);
      return;
    }
    const ready = state.readyReplicas(record.current.id);
    const known = this.#routes.targets(fn).map(({ replica }) => replica);
    if (ready.length === known.length && ready.every(({ id }) => known.includes(id))) return;
    const { maxInflight } = workloadOf(record.current.deployment);
    const targets = ready.map(({ id, ip = '', readySinceMs }) => {
      return { replica: id, hostname: ip, port: functionPort, readySinceMs, maxInflight };
    });
    this.#routes.set(fn, targets);
  }

  #watch(state: FunctionState, record: FunctionRecord | undefined): void {
    for (const replica of state.replicas.values()) {
      if (replica.draining) this.#watches.drain(state.fn, replica);
      const generation = record && wantedGeneration(record, replica.generation);
      const watched =
        generation && replica.task === 'running' && !replica.draining && !replica.unhealthy && !replica.busy;
      if (watched) this.#watches.health(state.fn, replica, generation.deployment);
    }
  }

  #forget(state: FunctionState): void {
    clearTimeout(state.timer);
    this.#states.forget(state.fn);
  }

  #wakeIn(state: FunctionState, delayMs: number): void {
    clearTimeout(state.timer);
    if (delayMs < Infinity) state.timer = setTimeout(() => this.wake(state.fn), Math.max(0, delayMs));
  }
}
