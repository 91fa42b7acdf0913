import { describeError } from '../../../base/log.ts';
import { monotonicMs } from '../../../base/monotonic.ts';
import { isNotFound } from '../../../containerd/index.ts';
import { fullName } from '../../../provider/index.ts';
import { replicasWanted, wantedGeneration, type Generation } from '../desired/record.ts';
import { declaredLimits } from '../replicas/declared-limits.ts';
import { createReplica, type MadeReplica } from '../replicas/create-replica.ts';
import type { Host, ReplicaName } from '../replicas/host.ts';
import { deleteReplica } from '../replicas/delete-replica.ts';
import { findRoot, type ReplicaRoot } from '../replicas/replica-root.ts';
import { createTask, startTask, type KnownReplica } from '../replicas/start-task.ts';
import { stopTask } from '../replicas/stop-task.ts';
import { startFailed } from './failed-start.ts';
import type { FunctionState } from './function-state.ts';
import { JobSlots } from './job-slots.ts';
import type { StepParts } from './reconciler-parts.ts';
import type { Replica, ReplicaStep } from './replica.ts';
import type { Watches } from './watches.ts';

/** Steps that make or start at once, over all functions, and steps that delete: more only makes each of them slower. */
const parallelJobs = 4;
/** Stops at once, over all functions: they wait for processes, for as long as those ask. */
const parallelStops = 32;
/** Longer than any step takes on a host that is only busy. */
const slowMs = 10_000;

const failures: Record<ReplicaStep, string> = {
  'create-replica': 'could not create replica',
  'create-task': 'could not create the task of a replica',
  'start-task': 'could not start replica',
  'stop-task': 'could not stop replica',
  'delete-replica': 'could not delete replica',
};

/** The steps that work on one replica: they run beside the passes, one per replica, and wake the function at their end. */
export class ReplicaJobs {
  readonly #parts: StepParts;
  readonly #watches: Pick<Watches, 'starting' | 'end'>;
  /** What was found of replicas that containerd need not be asked again. */
  readonly #roots = new WeakMap<Replica, ReplicaRoot>();
  /** Replicas whose last step failed: how far it came, containerd has to say. */
  readonly #inDoubt = new WeakSet<Replica>();
  // Of their own each, so that no start waits for an end.
  readonly #starts = new JobSlots({ slots: parallelJobs, slowMs });
  readonly #deletions = new JobSlots({ slots: parallelJobs, slowMs });
  readonly #stops = new JobSlots({ slots: parallelStops, slowMs });
  readonly #ending = new AbortController();
  readonly #running = new Set<Promise<void>>();

  constructor(parts: StepParts, watches: Pick<Watches, 'starting' | 'end'>) {
    this.#parts = parts;
    this.#watches = watches;
  }

  /** The replica leaves the routes; its calls in flight may go on for as long as its function says. */
  drain(state: FunctionState, replicaId: string): void {
    const { timing } = this.#parts;
    const replica = state.replicas.get(replicaId);
    if (!replica) return;
    replica.drainUntil(monotonicMs() + (replica.limits.drainMs ?? timing.drainMs));
  }

  /** Begins a step; its outcome is told to the replica. */
  begin(state: FunctionState, replicaId: string, step: ReplicaStep): void {
    const replica = state.replicas.get(replicaId);
    if (!replica) return;
    replica.stepBegan(step);
    this.#parts.traces.begin(replica);
    const slot = Promise.withResolvers<void>();
    void this.#parts.traces.timed(replica)('queue', () => slot.promise);
    const job = async () => {
      slot.resolve();
      const running = this.#runOn(state, replica, step);
      this.#running.add(running);
      await running;
      this.#running.delete(running);
      this.#parts.wake(state.fn, { look: this.#inDoubt.has(replica) || !replica.isThere });
    };
    // Callers wait for those that wake, and not for a boot of all functions or for a deployment.
    this.#slotsOf(step).add(job, () => this.#parts.routes.waiting(state.fn) > 0);
  }

  #slotsOf(step: ReplicaStep): JobSlots {
    if (step === 'stop-task') return this.#stops;
    return step === 'delete-replica' ? this.#deletions : this.#starts;
  }

  /**
   * Begins no further job, and resolves when those under way have ended: cut off, they would leave containerd in doubt. Only
   * the wait for a process that was asked to end is given up, and goes on in the daemon's next life.
   */
  async stop(): Promise<void> {
    for (const slots of [this.#starts, this.#deletions, this.#stops]) slots.clear();
    this.#ending.abort();
    await Promise.all(this.#running);
  }

  /** Takes the step, and starts what it made without another look at containerd. Never rejects. */
  async #runOn(state: FunctionState, replica: Replica, step: ReplicaStep): Promise<void> {
    const made = await this.#run(state, replica, step);
    if (!made) return;
    if (!this.#ending.signal.aborted && this.#isToRun(state, replica)) {
      replica.stepBegan('start-task');
      await this.#run(state, replica, 'start-task');
    }
    await made.released;
  }

  #isToRun(state: FunctionState, replica: Replica): boolean {
    const record = this.#parts.store.get(state.fn);
    const { created, busy, broken } = replica.view(monotonicMs());
    const isWanted =
      record && [record.asleep ? undefined : record.current.id, record.candidate?.id].includes(replica.generation);
    return isWanted === true && created && !busy && !broken;
  }

  /** Takes the step and tells the replica how it went. Never rejects. */
  async #run(state: FunctionState, replica: Replica, step: ReplicaStep): Promise<MadeReplica | undefined> {
    const isEnd = step === 'stop-task' || step === 'delete-replica';
    try {
      const made = await (isEnd ? this.#takeAway(state, replica, step) : this.#bringUp(state, replica, step));
      replica.stepEnded();
      return made;
    } catch (error) {
      this.#failed(state, replica, { step, error });
      return undefined;
    }
  }

  #failed(state: FunctionState, replica: Replica, { step, error }: { step: ReplicaStep; error: unknown }): void {
    if (step === 'start-task') this.#watches.end(replica);
    this.#roots.delete(replica);
    this.#inDoubt.add(replica);
    const [fn, reason] = [fullName(state.fn), describeError(error)];
    const said = { function: fn, replica: replica.id, error: reason };
    // What berth's own end breaks off, the next daemon does again.
    if (this.#ending.signal.aborted) return this.#parts.log.debug(failures[step], said);
    this.#parts.log.warn(failures[step], said);
    replica.stepFailed(error, monotonicMs());
    // One that somebody took away is made anew, and says nothing about the others.
    const isStart = (step === 'start-task' && !isNotFound(error)) || step === 'create-replica';
    if (isStart) startFailed(this.#parts, state, replica.generation, error);
  }

  async #bringUp(state: FunctionState, replica: Replica, step: ReplicaStep): Promise<MadeReplica | undefined> {
    const host = { ...this.#parts.host, timed: this.#parts.traces.timed(replica) };
    const name = { ...state.fn, id: replica.id };
    const { image } = state.generation(replica.generation);
    const generation = this.#wanted(state, replica, step);
    if (!generation) return undefined;
    const known: KnownReplica = { task: this.#taskOf(replica), root: () => this.#root(host, name, replica) };
    if (step === 'create-task') {
      await createTask(host, name, generation, known);
      replica.taskCreated();
    } else if (step === 'start-task') {
      const { ip } = await startTask(host, name, generation, known, ({ ip }) =>
        this.#watches.starting(state.fn, replica, { ip, deployment: generation.deployment }),
      );
      // It may have answered by now.
      if (replica.task !== 'running') replica.started(ip, monotonicMs());
      state.generation(replica.generation).started();
    } else if (image) {
      const made = await createReplica(host, name, generation, image).catch((error: unknown) => {
        // Its layers may have been removed under us: the next try makes sure of them first.
        if (isNotFound(error)) state.generation(replica.generation).imageGone();
        throw error;
      });
      this.#roots.set(replica, made.root);
      replica.limitsFound(() => declaredLimits(made.container));
      replica.created();
      return made;
    }
    return undefined;
  }

  /** What task it has while none runs, where that was seen or comes of steps that went well. */
  #taskOf(replica: Replica): KnownReplica['task'] {
    // Once more is tried after another look; then it is known again.
    if (this.#inDoubt.delete(replica)) return undefined;
    return replica.task === 'none' || replica.task === 'created' ? replica.task : undefined;
  }

  async #root(host: Host, name: ReplicaName, replica: Replica): Promise<ReplicaRoot> {
    const root = this.#roots.get(replica) ?? (await findRoot(host, name));
    this.#roots.set(replica, root);
    return root;
  }

  async #takeAway(state: FunctionState, replica: Replica, step: ReplicaStep): Promise<undefined> {
    const { host, sweep, timing } = this.#parts;
    const name = { ...state.fn, id: replica.id };
    if (step === 'stop-task') {
      const asked = { defaultGraceMs: timing.graceMs, signal: this.#ending.signal };
      await stopTask(host, name, replica.view(monotonicMs()).condemned ? undefined : asked);
      replica.stopped();
    } else {
      await deleteReplica(host, name);
      state.forget(replica);
      sweep.soon();
    }
  }

  /** Returns the replica's generation, if it is still wanted, and one more of it where the replica is still to be made. */
  #wanted(state: FunctionState, { generation }: Replica, step: ReplicaStep): Generation | undefined {
    const record = this.#parts.store.get(state.fn);
    const wanted = record && wantedGeneration(record, generation);
    if (!wanted || step !== 'create-replica') return wanted;
    return state.made(generation) < replicasWanted(record, wanted) ? wanted : undefined;
  }
}
