import {
  decide,
  type DesiredFunction,
  type ObservedReplica,
  type Step,
} from '../../../../../src/backends/containerd/reconcile/decide.ts';

/** What may happen to a function from outside, or to a replica by itself; `pick` chooses which replica or job. */
export type Happening =
  | { what: 'scale'; replicas: number }
  | { what: 'sleep' | 'wake' | 'update' | 'remove' | 'create' | 'time-passes' | 'crash-loops' }
  | {
      what: 'job-ends' | 'job-fails' | 'gets-ready' | 'gets-unready' | 'gets-unhealthy' | 'drains' | 'crashes';
      pick: number;
    }
  | { what: 'daemon-restarts'; pick: number };

type Job = Extract<Step, { replica: string }>['step'] | 'create-replica';

interface Replica extends ObservedReplica {
  job?: Job;
}

/** A function and its replicas as the reconciler has them, with nothing behind: steps that it decides are carried out here. */
export class World {
  desired?: DesiredFunction;
  replicas: Replica[] = [];
  /** All that was decided, for the message of a failure. */
  readonly history: string[] = [];
  #names = 0;
  readonly #parked: Pick<DesiredFunction, 'parked' | 'parkedTask'>;

  constructor(parked: Pick<DesiredFunction, 'parked' | 'parkedTask'>) {
    this.#parked = parked;
    this.#create();
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
        for (const replica of this.replicas) replica.backingOff = false;
        return;
      case 'daemon-restarts':
        return this.#restartDaemon(happening.pick);
      case 'job-ends':
      case 'job-fails':
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
    for (const [at, replica] of [...this.replicas].entries()) {
      if (replica.busy && (pick >> (at % 5)) % 2 === 0) this.#endJob(replica);
      const forgotten = { ready: false, unhealthy: false, broken: false, draining: false, drained: false };
      Object.assign(replica, { ...forgotten, backingOff: false, busy: false, job: undefined });
    }
    for (const generation of [this.desired?.current, this.desired?.candidate])
      if (generation) Object.assign(generation, { imageReady: false, failed: false });
  }

  #happenToOne(what: Exclude<Extract<Happening, { pick: number }>['what'], 'daemon-restarts'>, pick: number): void {
    const running = this.replicas.filter(({ task, busy }) => task === 'running' && !busy);
    const choose = (from: Replica[]) => from[pick % Math.max(1, from.length)];
    switch (what) {
      case 'job-ends':
        return this.#endJob(choose(this.replicas.filter(({ busy }) => busy)));
      case 'job-fails':
        return this.#failJob(choose(this.replicas.filter(({ busy }) => busy)), pick);
      case 'gets-ready':
        return void Object.assign(choose(running.filter(({ unhealthy, draining }) => !unhealthy && !draining)) ?? {}, {
          ready: true,
        });
      case 'gets-unready':
        return void Object.assign(choose(running) ?? {}, { ready: false });
      case 'gets-unhealthy':
        return void Object.assign(choose(running.filter(({ ready }) => ready)) ?? {}, {
          ready: false,
          unhealthy: true,
        });
      case 'drains':
        return void Object.assign(choose(running.filter(({ draining }) => draining)) ?? {}, { drained: true });
      case 'crashes':
        return void Object.assign(choose(running) ?? {}, { ...stopped, task: 'stopped', backingOff: true });
    }
  }

  /** Decides and carries out, and gives what was decided. */
  pass(): Step[] {
    this.replicas = this.replicas.filter(({ created, busy }) => created || busy);
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
      const isIdle = !this.replicas.some(({ busy }) => busy);
      for (const replica of this.replicas) {
        if (replica.busy) this.#endJob(replica);
        else if (replica.draining) replica.drained = true;
        else if (replica.task === 'running' && !replica.unhealthy) replica.ready = true;
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
      case 'create-replica':
        this.replicas.push(newReplica(`r${this.#names++}`, step.generation));
        return;
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
        return void Object.assign(this.#replica(step.replica), { draining: true });
      case 'create-task':
      case 'start-task':
      case 'stop-task':
      case 'delete-replica':
        Object.assign(this.#replica(step.replica), { busy: true, job: step.step });
    }
  }

  #replica(id: string): Replica {
    const found = this.replicas.find((replica) => replica.id === id);
    if (!found) throw new Error(`a step on ${id}, which is not there`);
    return found;
  }

  #endJob(replica: Replica | undefined): void {
    if (!replica) return;
    const { job } = replica;
    Object.assign(replica, { busy: false, job: undefined });
    if (job === 'create-replica') replica.created = true;
    if (job === 'create-task') replica.task = 'created';
    if (job === 'start-task') replica.task = 'running';
    if (job === 'stop-task') Object.assign(replica, stopped, { backingOff: false });
    if (job === 'delete-replica') this.replicas = this.replicas.filter((other) => other !== replica);
  }

  #failJob(replica: Replica | undefined, pick: number): void {
    if (!replica) return;
    const { job, generation } = replica;
    Object.assign(replica, { busy: false, job: undefined, broken: job === 'start-task' || job === 'create-task' });
    // The version is not always called the cause.
    if ((job !== 'create-replica' && job !== 'start-task') || pick % 2 === 0) return;
    for (const wanted of [this.desired?.current, this.desired?.candidate])
      if (wanted?.id === generation) wanted.failed = true;
  }

  #create(): void {
    this.desired = { current: this.#generation(), replicas: 1, asleep: false, rollBack: false, ...this.#parked };
  }

  #generation() {
    return { id: `g${this.#names++}`, imageReady: false, failed: false };
  }
}

const stopped = { task: 'none', ready: false, unhealthy: false, draining: false, drained: false } as const;

function newReplica(id: string, generation: string): Replica {
  const idle = { ...stopped, created: false, broken: false, backingOff: false };
  return { id, generation, ...idle, busy: true, job: 'create-replica' };
}
