import { isUnavailable } from '../../../containerd/index.ts';
import type { CallLimits, CallOutcome } from '../../../provider/index.ts';
import type { TaskState } from '../replicas/observe.ts';
import { BackOff, shortestRetryMs, type RestartTiming } from './back-off.ts';
import type { ObservedReplica } from './decide.ts';
import { exitReason, isLateOom, killed, oomWindowMs, type ReplicaExit } from './replica-exit.ts';

/** The watchdog says so often in a row that it cannot reach its process before somebody looks. */
const watchdogErrorLimit = 5;
/** What ends with a process. */
const idle = { ready: false, unhealthy: false, condemned: false, draining: false, drained: false };

/** A step that works on one replica. */
export type ReplicaStep = 'create-replica' | 'create-task' | 'start-task' | 'stop-task' | 'delete-replica';

/**
 * A replica's life: what the daemon knows of it beyond what containerd tells. All of it can be found again after a restart
 * of the daemon. `nowMs` is milliseconds of the monotonic clock.
 */
export class Replica {
  readonly id: string;
  /** Id of the generation that it runs. */
  readonly generation: string;
  readonly #stableMs: number;
  readonly #backOff: BackOff;
  readonly #is: Omit<ObservedReplica, 'id' | 'generation' | 'busy' | 'backingOff' | 'calls'>;
  #step?: ReplicaStep;
  #ip?: string;
  #limits?: CallLimits;
  #startedAtMs = -Infinity;
  #seenRunningAtMs = Infinity;
  #answeredAtMs = -Infinity;
  #readySinceMs = 0;
  /** Since its process began, as far as is known. */
  #wasReady = false;
  #drainUntilMs = 0;
  #watchdogErrors = 0;
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
    this.#is = { task: 'none', created: false, broken: false, ...idle };
  }

  get task(): TaskState['status'] {
    return this.#is.task;
  }

  get ip(): string | undefined {
    return this.#ip;
  }

  /** What its watchdog allows, from its container record. */
  get limits(): CallLimits {
    return this.#limits ?? { maxInflight: Infinity };
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
    return this.#is.created || this.isBusy;
  }

  /** Whether it belongs in the routes. */
  get takesCalls(): boolean {
    return this.#is.ready && !this.#is.draining && !this.#is.unhealthy;
  }

  /** What is to be watched of it now: its health, or the end of its calls. */
  get watched(): 'health' | 'drain' | undefined {
    const { task, unhealthy, draining, drained } = this.#is;
    if (draining) return drained ? undefined : 'drain';
    return task === 'running' && !unhealthy && !this.isBusy ? 'health' : undefined;
  }

  /** Whether its process has been ready, so that it hangs where it does not answer any more. */
  get wasReady(): boolean {
    return this.#wasReady;
  }

  /** When its process began; undefined for one that ran before the daemon, which then cannot know whether it was ready. */
  get startedAtMs(): number | undefined {
    return this.#startedAtMs === -Infinity ? undefined : this.#startedAtMs;
  }

  /** When a call was last answered by it. */
  get answeredAtMs(): number {
    return this.#answeredAtMs;
  }

  /** Says for how long its process has run without ever having been ready; 0 for any other. */
  neverReadyMs(nowMs: number): number {
    if (this.task !== 'running' || this.#wasReady) return 0;
    return Math.max(0, nowMs - Math.max(this.#startedAtMs, this.#seenRunningAtMs));
  }

  /** Returns until when it waits for its next start after one that failed; undefined for any other. */
  waitsUntilMs(nowMs: number): number | undefined {
    const untilMs = Math.max(this.#restartAtMs, this.#retryAtMs);
    return this.isBusy || this.task === 'running' || untilMs <= nowMs ? undefined : untilMs;
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
    if (this.#step === 'start-task' || this.#step === 'create-task') this.#is.broken = !isUnavailable(error);
    this.#retryAtMs = nowMs + this.#backOff.failed(shortestRetryMs);
    this.#step = undefined;
  }

  /** Its container record has been made. */
  created(): void {
    this.#is.created = true;
  }

  /** It has a task that waits for its start. */
  taskCreated(): void {
    this.#taskBecame('created');
  }

  /** Its process runs: an exit before the next look at containerd counts as a crash of what was started. */
  started(ip: string, nowMs: number): void {
    this.#taskBecame('none');
    this.#taskBecame('running');
    this.#ip = ip;
    this.#startedAtMs = this.#seenRunningAtMs = nowMs;
  }

  /** Its address was found, of a process that the daemon did not start. */
  addressFound(ip: string): void {
    this.#ip = ip;
  }

  /** Its container record is there, which has the limits and never changes. */
  limitsFound(limits: () => CallLimits): void {
    this.#limits ??= limits();
  }

  /**
   * containerd has been asked about it.
   * @returns how its process ended, when that is news
   */
  observed({ status, exitStatus = 0 }: TaskState, nowMs: number): ReplicaExit | undefined {
    const exit = this.task === 'running' && status !== 'running' ? this.#exited(exitStatus, nowMs) : undefined;
    if (this.task !== 'running') this.#seenRunningAtMs = nowMs;
    this.#is.created = true;
    this.#taskBecame(status);
    return exit;
  }

  #exited(exitStatus: number, nowMs: number): ReplicaExit {
    if (nowMs - this.#startedAtMs >= this.#stableMs) this.#backOff.succeeded();
    const restartInMs = this.#backOff.failed();
    this.#restartAtMs = nowMs + restartInMs;
    this.#restarts += 1;
    const reason = exitReason(exitStatus, nowMs - this.#oomAtMs < oomWindowMs);
    return (this.#lastExit = { reason, at: new Date(), atMs: nowMs, restartInMs, wasReady: this.#wasReady });
  }

  /**
   * The kernel has killed for want of memory. It may be heard after the exit, on a busy host.
   * @returns the exit that this explains after all
   */
  outOfMemory(nowMs: number): ReplicaExit | undefined {
    const exit = this.#lastExit;
    if (exit && isLateOom(exit, nowMs)) return (this.#lastExit = { ...exit, reason: exitReason(killed, true) });
    this.#oomAtMs = nowMs;
    return undefined;
  }

  /**
   * A probe was answered well.
   * @returns true when it was not ready before
   */
  becameReady(nowMs: number): boolean {
    const { task, ready, unhealthy, draining } = this.#is;
    if (ready || unhealthy || draining || task !== 'running') return false;
    this.#readySinceMs = nowMs;
    this.#wasReady = true;
    return (this.#is.ready = true);
  }

  /** It leaves the routes until a probe is answered well again. */
  becameUnready(): void {
    this.#is.ready = false;
  }

  /** It runs but does not do its work, and is to be replaced. */
  becameUnhealthy(): void {
    if (this.task === 'running') Object.assign(this.#is, { unhealthy: true, ready: false });
  }

  /** It has done what it may not: it is killed, and replaced. Returns whether it ran for long, so that its successor need not wait. */
  condemned(nowMs: number): boolean {
    if (this.task === 'running')
      Object.assign(this.#is, { condemned: true, broken: true, unhealthy: true, ready: false });
    return nowMs - this.#startedAtMs >= this.#stableMs;
  }

  /**
   * A call that was routed to it has ended.
   * @returns what is wrong with it, if that call was one too many: it has left the routes, or is to be looked at
   */
  callEnded({ failure, status, watchdogError }: CallOutcome, nowMs: number): 'unreachable' | 'no-process' | undefined {
    if (failure === undefined) this.#answeredAtMs = nowMs;
    if (!this.takesCalls) return undefined;
    // A watchdog also says 504 for a call past its limit, and 429: then its process is there.
    const isWithoutProcess = watchdogError === true && status === 500;
    this.#watchdogErrors = isWithoutProcess ? this.#watchdogErrors + 1 : 0;
    // Out of reach may pass, so it is probed again. A watchdog says the same of a connection that its process breaks.
    if (this.#watchdogErrors >= watchdogErrorLimit) {
      this.#watchdogErrors = 0;
      return 'no-process';
    }
    if (failure !== 'unreachable') return undefined;
    this.becameUnready();
    return failure;
  }

  /** It leaves the routes for good; its calls in flight may go on for a while. */
  drainUntil(atMs: number): void {
    this.#is.draining = this.task === 'running';
    this.#drainUntilMs = atMs;
  }

  /** Its last call has ended, or has taken too long. */
  drained(): void {
    this.#is.drained = this.#is.draining;
  }

  /** Its task was taken away: it can be started again as if it were new. */
  stopped(): void {
    this.#taskBecame('none');
    this.#backOff.succeeded();
    this.#restartAtMs = 0;
  }

  #taskBecame(status: TaskState['status']): void {
    this.#is.task = status;
    if (status === 'running') return;
    Object.assign(this.#is, idle);
    this.#wasReady = false;
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
  view(nowMs: number, calls = 0): ObservedReplica {
    const { id, generation } = this;
    const busy = this.isBusy || this.#retryAtMs > nowMs;
    return { id, generation, ...this.#is, busy, backingOff: this.#restartAtMs > nowMs, calls };
  }
}
