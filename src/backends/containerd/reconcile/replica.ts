import { isUnavailable } from '../../../containerd/index.ts';
import type { CallOutcome } from '../../../provider/index.ts';
import type { TaskState } from '../replicas/observe.ts';
import { BackOff, shortestRetryMs, type RestartTiming } from './back-off.ts';
import type { ObservedReplica } from './decide.ts';

/** An OOM event this close to an exit explains it. */
const oomWindowMs = 5000;
/** The exit status of a process that was killed, by the kernel or by somebody. */
const killed = 128 + 9;
/** The watchdog says so often in a row that its process is gone before it is believed. */
const watchdogErrorLimit = 5;

/** A step that works on one replica. */
export type ReplicaStep = 'create-replica' | 'create-task' | 'start-task' | 'stop-task' | 'delete-replica';

/** How a replica's process ended. */
export interface ReplicaExit {
  /** In words, for the operator. */
  reason: string;
  at: Date;
  restartInMs: number;
}

/**
 * A replica's life: what the daemon knows of it beyond what containerd tells. All of it can be found again after a restart
 * of the daemon. It has no clock: `nowMs` is milliseconds since the epoch.
 */
export class Replica {
  readonly id: string;
  /** Id of the generation that it runs. */
  readonly generation: string;
  readonly #stableMs: number;
  readonly #backOff: BackOff;
  #isCreated = false;
  #task: TaskState['status'] = 'none';
  #step?: ReplicaStep;
  #isReady = false;
  #readySinceMs = 0;
  #isUnhealthy = false;
  #isBroken = false;
  #isDraining = false;
  #isDrained = false;
  #drainUntilMs = 0;
  #watchdogErrors = 0;
  #ip?: string;
  #startedAtMs = -Infinity;
  #restarts = 0;
  #restartAtMs = 0;
  #retryAtMs = 0;
  #oomAtMs = -Infinity;
  #lastExit?: ReplicaExit;

  /** @param random gives a number from 0 to 1, as Math.random does */
  constructor(id: string, generation: string, timing: RestartTiming, random?: () => number) {
    this.id = id;
    this.generation = generation;
    this.#stableMs = timing.stableMs;
    this.#backOff = new BackOff(timing, random);
  }

  get task(): TaskState['status'] {
    return this.#task;
  }

  get ip(): string | undefined {
    return this.#ip;
  }

  get restarts(): number {
    return this.#restarts;
  }

  get lastExit(): ReplicaExit | undefined {
    return this.#lastExit;
  }

  get readySinceMs(): number {
    return this.#readySinceMs;
  }

  /** When calls in flight are cut, while it drains. */
  get drainUntilMs(): number {
    return this.#drainUntilMs;
  }

  /** Whether a step on it is under way. */
  get isBusy(): boolean {
    return this.#step !== undefined;
  }

  /** Whether it has a container record, or may be about to get one. */
  get isThere(): boolean {
    return this.#isCreated || this.isBusy;
  }

  /** Whether it belongs in the routes. */
  get takesCalls(): boolean {
    return this.#isReady && !this.#isDraining && !this.#isUnhealthy;
  }

  /** What is to be watched of it now: its health, or the end of its calls. */
  get watched(): 'health' | 'drain' | undefined {
    if (this.#isDraining) return this.#isDrained ? undefined : 'drain';
    return this.#task === 'running' && !this.#isUnhealthy && !this.isBusy ? 'health' : undefined;
  }

  stepBegan(step: ReplicaStep): void {
    this.#step = step;
  }

  stepEnded(): void {
    this.#step = undefined;
  }

  /** The step under way has failed, and is not tried again before the back-off has passed. */
  stepFailed(error: unknown, nowMs: number): void {
    // While containerd is away no replica is at fault.
    const isStart = this.#step === 'start-task' || this.#step === 'create-task';
    if (isStart) this.#isBroken = !isUnavailable(error);
    this.#retryAtMs = nowMs + this.#backOff.failed(shortestRetryMs);
    this.#step = undefined;
  }

  /** Its container record has been made. */
  created(): void {
    this.#isCreated = true;
  }

  /** It has a task that waits for its start. */
  taskCreated(): void {
    this.#forgetRun();
    this.#task = 'created';
  }

  /** Its process runs: an exit before the next look at containerd counts as a crash of what was started. */
  started(ip: string, nowMs: number): void {
    this.#forgetRun();
    this.#ip = ip;
    this.#startedAtMs = nowMs;
    this.#task = 'running';
  }

  /** Its address was found, of a process that the daemon did not start. */
  addressFound(ip: string): void {
    this.#ip = ip;
  }

  /**
   * containerd has been asked about it.
   *
   * @returns how its process ended, when that is news
   */
  observed({ status, exitStatus = 0 }: TaskState, nowMs: number): ReplicaExit | undefined {
    const hasCrashed = this.#task === 'running' && status !== 'running';
    this.#isCreated = true;
    if (status !== 'running') this.#forgetRun();
    this.#task = status;
    return hasCrashed ? this.#exited(exitStatus, nowMs) : undefined;
  }

  #exited(exitStatus: number, nowMs: number): ReplicaExit {
    if (nowMs - this.#startedAtMs >= this.#stableMs) this.#backOff.succeeded();
    const restartInMs = this.#backOff.failed();
    this.#restartAtMs = nowMs + restartInMs;
    this.#restarts += 1;
    const isOom = nowMs - this.#oomAtMs < oomWindowMs;
    this.#lastExit = { reason: exitReason(exitStatus, isOom), at: new Date(nowMs), restartInMs };
    return this.#lastExit;
  }

  /**
   * The kernel has killed for want of memory. It may be heard after the exit, on a busy host.
   *
   * @returns the exit that this explains after all
   */
  outOfMemory(nowMs: number): ReplicaExit | undefined {
    const exit = this.#lastExit;
    const isLate = exit?.reason === exitReason(killed, false) && nowMs - exit.at.getTime() < oomWindowMs;
    if (isLate) return (this.#lastExit = { ...exit, reason: exitReason(killed, true) });
    this.#oomAtMs = nowMs;
    return undefined;
  }

  /**
   * A probe was answered well.
   *
   * @returns true when it was not ready before
   */
  becameReady(nowMs: number): boolean {
    if (this.#isReady || this.#task !== 'running' || this.#isDraining || this.#isUnhealthy) return false;
    this.#isReady = true;
    this.#readySinceMs = nowMs;
    return true;
  }

  /** It leaves the routes until a probe is answered well again. */
  becameUnready(): void {
    this.#isReady = false;
  }

  /** It runs but does not do its work, and is to be replaced. */
  becameUnhealthy(): void {
    if (this.#task !== 'running') return;
    this.#isUnhealthy = true;
    this.#isReady = false;
  }

  /**
   * A call that was routed to it has ended.
   *
   * @returns why it leaves the routes, if that call was one too many
   */
  callEnded({ failure, status, watchdogError }: CallOutcome): string | undefined {
    if (!this.takesCalls) return undefined;
    // A watchdog also says 504 for a call past its limit, and 429: then its process is there.
    const isWithoutProcess = watchdogError === true && status === 500;
    this.#watchdogErrors = isWithoutProcess ? this.#watchdogErrors + 1 : 0;
    // Out of reach may pass, so it is probed again; a watchdog without its process stays so.
    if (this.#watchdogErrors >= watchdogErrorLimit) {
      this.becameUnhealthy();
      return 'its watchdog has no process';
    }
    if (failure !== 'unreachable') return undefined;
    this.becameUnready();
    return 'it cannot be reached';
  }

  /** It leaves the routes for good; its calls in flight may go on for a while. */
  drainUntil(atMs: number): void {
    if (this.#task !== 'running') return;
    this.#isDraining = true;
    this.#drainUntilMs = atMs;
  }

  /** Its last call has ended, or has taken too long. */
  drained(): void {
    this.#isDrained = this.#isDraining;
  }

  /** Its task was taken away: it can be started again as if it were new. */
  stopped(): void {
    this.#forgetRun();
    this.#task = 'none';
    this.#backOff.succeeded();
    this.#restartAtMs = 0;
  }

  #forgetRun(): void {
    this.#isReady = this.#isUnhealthy = this.#isDraining = this.#isDrained = false;
    this.#watchdogErrors = 0;
  }

  /** Returns how much of a delay that counts from the start of the process is left: none for one that ran before the daemon. */
  delayLeftMs(delayMs: number, nowMs: number): number {
    return Math.max(0, this.#startedAtMs + delayMs - nowMs);
  }

  /** Returns the next moment at which time alone changes what is to be done, or Infinity. */
  nextDeadlineMs(nowMs: number): number {
    return Math.min(...[this.#restartAtMs, this.#retryAtMs].filter((atMs) => atMs > nowMs));
  }

  /** Returns what the decision reads. */
  view(nowMs: number): ObservedReplica {
    return {
      id: this.id,
      generation: this.generation,
      task: this.#task,
      created: this.#isCreated,
      ready: this.#isReady,
      unhealthy: this.#isUnhealthy,
      broken: this.#isBroken,
      draining: this.#isDraining,
      drained: this.#isDrained,
      busy: this.isBusy || this.#retryAtMs > nowMs,
      backingOff: this.#restartAtMs > nowMs,
    };
  }
}

function exitReason(exitStatus: number, isOom: boolean): string {
  if (isOom) return 'its process was killed: out of memory (OOM), raise limits.memory';
  if (exitStatus > 128) return `its process was ended by signal ${exitStatus - 128}`;
  return `its process exited with code ${exitStatus}`;
}
