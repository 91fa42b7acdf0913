import {
  decide,
  type DesiredFunction,
  type ObservedReplica,
  type Step,
} from '../../../../../src/backends/containerd/reconcile/decide.ts';
import { Replica, type ReplicaStep } from '../../../../../src/backends/containerd/reconcile/replica.ts';

/** What may happen to a function from outside, or to a replica by itself; `pick` chooses which replica or job. */
export type Happening =
  | { what: 'scale'; replicas: number }
  | { what: 'sleep' | 'wake' | 'update' | 'remove' | 'create' | 'time-passes' | 'crash-loops' }
  | {
      what: 'job-ends' | 'job-fails' | 'gets-ready' | 'gets-unready' | 'gets-unhealthy' | 'drains' | 'crashes';
      pick: number;
    }
  | { what: 'daemon-restarts'; pick: number };

const timing = { restartBaseMs: 1000, restartMaxMs: 60_000, stableMs: 60_000 };

/** A function and its replicas as the reconciler has them, with nothing behind: steps that it decides are carried out here. */
export class World {
  desired?: DesiredFunction;
  /** All that was decided, for the message of a failure. */
  readonly history: string[] = [];
  #replicas: Replica[] = [];
  readonly #jobs = new Map<Replica, ReplicaStep>();
  #nowMs = Date.UTC(2026, 0, 1);
  #names = 0;
  readonly #parked: Pick<DesiredFunction, 'parked' | 'parkedTask'>;

  constructor(parked: Pick<DesiredFunction, 'parked' | 'parkedTask'>) {
    this.#parked = parked;
    this.#create();
  }

  /** What the decision reads of the replicas that are there. */
  get replicas(): ObservedReplica[] {
    return this.#replicas.filter(({ isThere }) => isThere).map((replica) => replica.view(this.#nowMs));
  }

  happen(happening: Happening): void {
    this.history.push(JSON.stringify(happening));
    const { desired } = this;
    switch (happening.what) {
      case 'create':
        return desired ? undefined : this.#create();
      case 'remove':
        this.desired = undefined;
        return;
      case 'scale':
        if (desired) Object.assign(desired, { replicas: happening.replicas, asleep: false });
        return;
      case 'sleep':
        if (desired) desired.asleep = true;
        return;
      case 'wake':
        if (desired) desired.asleep = false;
        return;
      case 'update':
        if (desired) desired.candidate = this.#generation();
        return;
      case 'crash-loops':
        if (desired) desired.rollBack = true;
        return;
      case 'time-passes':
        if (desired) desired.current.failed = false;
        this.#nowMs += timing.restartMaxMs;
        return;
      case 'daemon-restarts':
        return this.#restartDaemon(happening.pick);
      case 'job-ends':
        return this.#endJob(choose([...this.#jobs.keys()], happening.pick));
      case 'job-fails':
        return this.#failJob(choose([...this.#jobs.keys()], happening.pick), happening.pick);
      case 'gets-ready':
      case 'gets-unready':
      case 'gets-unhealthy':
      case 'drains':
      case 'crashes':
        this.#happenToOne(happening.what, happening.pick);
    }
  }

  /** Killed at any instruction: of the steps under way some have had their effect, and all that was only known is forgotten. */
  #restartDaemon(pick: number): void {
    for (const [at, replica] of [...this.#replicas].entries()) {
      if (this.#jobs.has(replica) && (pick >> (at % 5)) % 2 === 0) this.#endJob(replica);
    }
    this.#jobs.clear();
    const left = this.#replicas.filter((replica) => replica.view(this.#nowMs).created);
    this.#replicas = left.map(({ id, generation, task }) => {
      const adopted = new Replica(id, generation, timing);
      adopted.observed({ status: task }, this.#nowMs);
      return adopted;
    });
    for (const generation of [this.desired?.current, this.desired?.candidate])
      if (generation) Object.assign(generation, { imageReady: false, failed: false });
  }

  #happenToOne(what: 'gets-ready' | 'gets-unready' | 'gets-unhealthy' | 'drains' | 'crashes', pick: number): void {
    const running = this.#replicas.filter(({ task, isBusy }) => task === 'running' && !isBusy);
    switch (what) {
      case 'gets-ready':
        return void choose(running, pick)?.becameReady(this.#nowMs);
      case 'gets-unready':
        return choose(running, pick)?.becameUnready();
      case 'gets-unhealthy':
        return choose(
          running.filter(({ takesCalls }) => takesCalls),
          pick,
        )?.becameUnhealthy();
      case 'drains':
        return choose(
          running.filter(({ watched }) => watched === 'drain'),
          pick,
        )?.drained();
      case 'crashes':
        return void choose(running, pick)?.observed({ status: 'stopped', exitStatus: 1 }, this.#nowMs);
    }
  }

  /** Decides and carries out, and gives what was decided. */
  pass(): Step[] {
    this.#replicas = this.#replicas.filter(({ isThere }) => isThere);
    const steps = decide(this.desired, this.replicas);
    for (const step of steps) {
      this.history.push(JSON.stringify(step));
      this.#take(step);
    }
    return steps;
  }

  /** All goes well from now on, until there is nothing left to do. */
  settle(): void {
    let quiet = 0;
    for (let passes = 0; passes < 100; passes++) {
      this.happen({ what: 'time-passes' });
      if (this.desired) this.desired.rollBack = false;
      const isIdle = this.#jobs.size === 0;
      for (const replica of this.#replicas) {
        if (this.#jobs.has(replica)) this.#endJob(replica);
        else if (replica.watched === 'drain') replica.drained();
        else replica.becameReady(this.#nowMs);
      }
      quiet = this.pass().length === 0 && isIdle ? quiet + 1 : 0;
      if (quiet === 2) return;
    }
    throw new Error(`never comes to rest:\n${this.history.slice(-40).join('\n')}`);
  }

  #take(step: Step): void {
    const { desired } = this;
    switch (step.step) {
      case 'ensure-image':
        for (const generation of [desired?.current, desired?.candidate])
          if (generation?.id === step.generation) generation.imageReady = true;
        return;
      case 'create-replica': {
        const replica = new Replica(`r${this.#names++}`, step.generation, timing);
        this.#replicas.push(replica);
        return this.#beginJob(replica, step.step);
      }
      case 'promote':
        if (desired?.candidate)
          Object.assign(desired, { current: desired.candidate, candidate: undefined, asleep: false, rollBack: false });
        return;
      case 'drop-candidate':
        if (desired) desired.candidate = undefined;
        return;
      case 'roll-back':
        if (desired) Object.assign(desired, { current: this.#generation(), asleep: false, rollBack: false });
        return;
      case 'drain':
        return this.#replica(step.replica).drainUntil(this.#nowMs);
      case 'create-task':
      case 'start-task':
      case 'stop-task':
      case 'delete-replica':
        this.#beginJob(this.#replica(step.replica), step.step);
    }
  }

  #replica(id: string): Replica {
    const found = this.#replicas.find((replica) => replica.id === id);
    if (!found) throw new Error(`a step on ${id}, which is not there`);
    return found;
  }

  #beginJob(replica: Replica, step: ReplicaStep): void {
    replica.stepBegan(step);
    this.#jobs.set(replica, step);
  }

  #endJob(replica: Replica | undefined): void {
    const step = replica && this.#jobs.get(replica);
    if (!step) return;
    this.#jobs.delete(replica);
    if (step === 'create-replica') replica.created();
    if (step === 'create-task') replica.taskCreated();
    if (step === 'start-task') replica.started('10.62.0.2', this.#nowMs);
    if (step === 'stop-task') replica.stopped();
    if (step === 'delete-replica') this.#replicas = this.#replicas.filter((other) => other !== replica);
    replica.stepEnded();
  }

  #failJob(replica: Replica | undefined, pick: number): void {
    const step = replica && this.#jobs.get(replica);
    if (!step) return;
    this.#jobs.delete(replica);
    replica.stepFailed(new Error('no'), this.#nowMs);
    // The version is not always called the cause.
    if ((step !== 'create-replica' && step !== 'start-task') || pick % 2 === 0) return;
    for (const wanted of [this.desired?.current, this.desired?.candidate])
      if (wanted?.id === replica.generation) wanted.failed = true;
  }

  #create(): void {
    this.desired = { current: this.#generation(), replicas: 1, asleep: false, rollBack: false, ...this.#parked };
  }

  #generation() {
    return { id: `g${this.#names++}`, imageReady: false, failed: false };
  }
}

function choose(from: Replica[], pick: number): Replica | undefined {
  return from[pick % Math.max(1, from.length)];
}
