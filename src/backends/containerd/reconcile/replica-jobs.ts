import pLimit from 'p-limit';
import { describeError, type Log } from '../../../base/log.ts';
import { type FunctionName, fullName, workloadOf } from '../../../provider/index.ts';
import type { FunctionStore } from '../desired/function-store.ts';
import { wantedGeneration, type Generation } from '../desired/record.ts';
import { createReplica } from '../replicas/create-replica.ts';
import { deleteReplica } from '../replicas/delete-replica.ts';
import type { Host, ReplicaName } from '../replicas/host.ts';
import { createTask, startTask } from '../replicas/start-task.ts';
import { stopTask } from '../replicas/stop-task.ts';
import type { Sweep } from '../sweep.ts';
import type { Timing } from '../timing.ts';
import type { FunctionState } from './function-state.ts';
import type { Replica, ReplicaStep } from './replica.ts';

/** Steps that start or stop containers at once, over all functions: more only makes each of them slower. */
const parallelJobs = 4;

const failures: Record<ReplicaStep, string> = {
  'create-replica': 'could not create replica',
  'create-task': 'could not create the task of a replica',
  'start-task': 'could not start replica',
  'stop-task': 'could not stop replica',
  'delete-replica': 'could not delete replica',
};

export interface ReplicaJobsOptions {
  store: FunctionStore;
  host: Host;
  sweep: Sweep;
  timing: Timing;
  wake: (fn: FunctionName) => void;
  log: Log;
}

/** The steps that work on one replica: they run beside the passes, one per replica, and wake the function at their end. */
export class ReplicaJobs {
  readonly #store: FunctionStore;
  readonly #host: Host;
  readonly #sweep: Sweep;
  readonly #timing: Timing;
  readonly #wake: (fn: FunctionName) => void;
  readonly #log: Log;
  readonly #jobs = pLimit(parallelJobs);
  readonly #running = new Set<Promise<void>>();

  constructor({ store, host, sweep, timing, wake, log }: ReplicaJobsOptions) {
    this.#store = store;
    this.#host = host;
    this.#sweep = sweep;
    this.#timing = timing;
    this.#wake = wake;
    this.#log = log;
  }

  /** The replica leaves the routes; its calls in flight may go on for as long as its function says. */
  drain(state: FunctionState, replicaId: string): void {
    const replica = state.replicas.get(replicaId);
    if (!replica) return;
    const generation = this.#wanted(state.fn, replica) ?? this.#store.get(state.fn)?.previous;
    const drainMs = (generation && workloadOf(generation.deployment).drainMs) ?? this.#timing.drainMs;
    replica.drainUntil(Date.now() + drainMs);
  }

  /** Begins a step; its outcome is told to the replica. */
  begin(state: FunctionState, replicaId: string, step: ReplicaStep): void {
    const replica = state.replicas.get(replicaId);
    if (!replica) return;
    replica.stepBegan(step);
    void this.#jobs(async () => {
      const job = this.#run(state, replica, step);
      this.#running.add(job);
      await job;
      this.#running.delete(job);
      this.#wake(state.fn);
    });
  }

  /** Begins no further job, and resolves when those under way have ended: cut off, they would leave containerd in doubt. */
  async stop(): Promise<void> {
    this.#jobs.clearQueue();
    await Promise.all(this.#running);
  }

  /** Takes the step and tells the replica how it went. Never rejects. */
  async #run(state: FunctionState, replica: Replica, step: ReplicaStep): Promise<void> {
    try {
      await this.#work(state, replica, step);
      replica.stepEnded();
    } catch (error) {
      replica.stepFailed(error, Date.now());
      this.#log.warn(failures[step], {
        function: fullName(state.fn),
        replica: replica.id,
        error: describeError(error),
      });
      if (step === 'start-task' || step === 'create-replica')
        state.generation(replica.generation).failed(error, Date.now());
    }
  }

  #work(state: FunctionState, replica: Replica, step: ReplicaStep): Promise<void> {
    const name = { ...state.fn, id: replica.id };
    switch (step) {
      case 'create-replica':
        return this.#create(state, name, replica);
      case 'create-task':
        return this.#createTask(name, replica);
      case 'start-task':
        return this.#start(state, name, replica);
      case 'stop-task':
        return this.#stop(name, replica);
      case 'delete-replica':
        return this.#delete(state, name, replica);
    }
  }

  async #create(state: FunctionState, name: ReplicaName, replica: Replica): Promise<void> {
    const generation = this.#wanted(state.fn, replica);
    const { image } = state.generation(replica.generation);
    if (!generation || !image) return;
    await createReplica(this.#host, name, generation, image);
    replica.created();
  }

  async #createTask(name: ReplicaName, replica: Replica): Promise<void> {
    const generation = this.#wanted(name, replica);
    if (!generation) return;
    await createTask(this.#host, name, generation);
    replica.taskCreated();
  }

  async #start(state: FunctionState, name: ReplicaName, replica: Replica): Promise<void> {
    const generation = this.#wanted(name, replica);
    if (!generation) return;
    const { ip } = await startTask(this.#host, name, generation);
    replica.started(ip, Date.now());
    state.generation(replica.generation).started();
  }

  async #stop(name: ReplicaName, replica: Replica): Promise<void> {
    await stopTask(this.#host, name, this.#timing.graceMs);
    replica.stopped();
  }

  async #delete(state: FunctionState, name: ReplicaName, replica: Replica): Promise<void> {
    await deleteReplica(this.#host, name);
    state.forget(replica);
    this.#sweep.soon();
  }

  /** Returns the replica's generation, if it is still wanted. */
  #wanted(fn: FunctionName, { generation }: Replica): Generation | undefined {
    const record = this.#store.get(fn);
    return record && wantedGeneration(record, generation);
  }
}
