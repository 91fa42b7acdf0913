import { describeError } from '../../../base/log.ts';
import { tryEach } from '../../../base/try-each.ts';
import { monotonicMs } from '../../../base/monotonic.ts';
import { type CallOutcome, type FunctionName, fullName, type FullName, functionPort } from '../../../provider/index.ts';
import { wantedGeneration, type FunctionRecord } from '../desired/record.ts';
import type { UnpackedImage } from '../images/index.ts';
import { ReplicaObserver } from '../replicas/replica-observer.ts';
import { superseded } from '../start-error.ts';
import { Breather } from './breather.ts';
import { decide } from './decide.ts';
import { desiredView } from './desired-view.ts';
import type { FunctionState, GenerationOutcome } from './function-state.ts';
import { PassLoop } from './pass-loop.ts';
import { StartTraces } from './start-traces.ts';
import type { ReconcilerParts, WakeOptions } from './reconciler-parts.ts';
import type { Replica } from './replica.ts';
import { isOutOfMemory, type ReplicaExit } from './replica-exit.ts';
import { Steps } from './steps.ts';
import { Watches } from './watches.ts';

/** Much longer than a pass takes on a host that is only busy: each call that it makes has a deadline. */
const longestPassMs = 10 * 60_000;

/**
 * Brings each function from what is there to what is wanted: compare, take the steps, repeat; one pass at a time per
 * function, woken by changes, exits, reconnects, ended steps and a slow resync.
 */
export class Reconciler {
  readonly #parts: ReconcilerParts;
  readonly #steps: Steps;
  readonly #watches: Watches;
  readonly #observer: ReplicaObserver;
  readonly #breather = new Breather();
  readonly #loops = new Map<FullName, PassLoop>();
  #stopped = false;

  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
    this.#observer = new ReplicaObserver(parts.host.containerd);
    const wake = (fn: FunctionName, options?: WakeOptions) => {
      this.#tell(fn);
      this.wake(fn, options);
    };
    const stepParts = { ...parts, wake, traces: new StartTraces(parts.log) };
    this.#watches = new Watches(stepParts);
    this.#steps = new Steps(stepParts, this.#watches);
    parts.routes.onOutcome((fn, replicaId, outcome) => this.#callEnded(fn, replicaId, outcome));
  }

  /** Tells when the daemon before this one has no call in flight any more. */
  othersDone(done: Promise<void>): void {
    this.#watches.othersDone(done);
  }

  /** Has the function compared with what is wanted of it, soon. */
  wake(fn: FunctionName, { look = true }: WakeOptions = {}): void {
    if (this.#stopped) return;
    if (look) this.#parts.states.get(fn)?.lookIsDue();
    this.#loop(fn).wake();
  }

  /** Has every function compared, wanted or there, soon. */
  wakeAll(): void {
    if (this.#stopped) return;
    for (const { function: fn } of this.#parts.store.all()) this.#loop(fn);
    for (const state of this.#parts.states.all()) state.lookIsDue();
    for (const loop of this.#loops.values()) loop.wake();
  }

  /** Has every function compared, soon, and replicas found that came to be without us. */
  lookAround(): void {
    this.#observer.listAnew();
    this.wakeAll();
  }

  /** Ends watches and timers, and resolves when the steps under way have ended; replicas run on. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const loop of this.#loops.values()) loop.end();
    this.#watches.stop();
    await this.#steps.stop();
  }

  /** Whether every function has been looked at once since the start. */
  get settledOnce(): boolean {
    return [...this.#loops.values()].every(({ hasTried }) => hasTried);
  }

  /** Whether a pass takes longer than all that it may wait for. */
  get isStuck(): boolean {
    const nowMs = monotonicMs();
    return [...this.#loops.values()].some(({ passBeganMs }) => nowMs - passBeganMs > longestPassMs);
  }

  /** Resolves when the generation is ready, or with why it is not. */
  outcome(fn: FunctionName, generation: string): Promise<GenerationOutcome> {
    return this.#parts.states.of(fn).outcome(generation);
  }

  /** Tells whoever waits for a candidate that a newer update has taken its place. */
  superseded(fn: FunctionName, generation: string): void {
    this.#parts.states.get(fn)?.settle(generation, { ready: false, error: superseded(fn) });
  }

  /** The image of a generation is unpacked: whoever deployed it had it pulled. */
  imagePulled(fn: FunctionName, generation: string, image: UnpackedImage): void {
    this.#parts.states.of(fn).generation(generation).pulled(image);
  }

  /** containerd has said that a replica's process ended. */
  taskExited(replicaId: string): void {
    const owner = this.#parts.states.replica(replicaId);
    if (owner) this.wake(owner.fn);
  }

  /** containerd has said that the kernel killed in a replica for want of memory. */
  taskOutOfMemory(replicaId: string): void {
    const owner = this.#parts.states.replica(replicaId);
    if (!owner) return;
    this.#parts.states.of(owner.fn).ends.oomKills += 1;
    const exit = owner.replica.outOfMemory(monotonicMs());
    if (!exit) return;
    const { reason } = exit;
    this.#parts.log.warn('replica ran out of memory', { function: fullName(owner.fn), replica: replicaId, reason });
    this.#tellExit(this.#parts.states.of(owner.fn), owner.replica, exit);
  }

  #callEnded(fn: FunctionName, replicaId: string, outcome: CallOutcome): void {
    const replica = this.#parts.states.get(fn)?.replicas.get(replicaId);
    if (replica) this.#watches.callEnded(fn, replica, outcome);
  }

  #loop(fn: FunctionName): PassLoop {
    const key = fullName(fn);
    const known = this.#loops.get(key);
    if (known) return known;
    const loop: PassLoop = new PassLoop({
      pass: () => this.#pass(this.#parts.states.of(fn), loop),
      onError: (error) =>
        this.#parts.log.warn('could not reconcile function, will try again', {
          function: key,
          error: describeError(error),
        }),
    });
    this.#loops.set(key, loop);
    return loop;
  }

  async #pass(state: FunctionState, loop: PassLoop): Promise<void> {
    const { fn } = state;
    if (this.#parts.store.isUnreadable(fn)) return;
    if (state.isLookDue(monotonicMs())) await this.#look(state);
    const record = this.#parts.store.get(fn);
    const nowMs = monotonicMs();
    state.timePassed(record, nowMs);
    state.settleCurrent(record);
    const { routes } = this.#parts;
    const replicas = [...state.replicas.values()].map((replica) => replica.view(nowMs, routes.inFlight(replica.id)));
    const steps = decide(record && desiredView(record, state, nowMs), replicas);
    // Also after a step that failed, as what is ready is to be called.
    await tryEach(steps, (step) => this.#steps.take(state, step)).finally(() => this.#tell(fn));
    const isGone = !this.#parts.store.has(fn) && state.replicas.size === 0;
    if (!isGone) loop.wakeIn(this.#nextPassMs(state, nowMs));
    else if (!loop.isAwake) this.#forget(fn, loop);
  }

  /** Tells what is known of a function by now: callers do not wait for another look at containerd. */
  #tell(fn: FunctionName): void {
    const state = this.#parts.states.get(fn);
    if (!state || this.#stopped || this.#parts.store.isUnreadable(fn)) return;
    const record = this.#parts.store.get(fn);
    state.settleCurrent(record);
    this.#route(state, record);
    this.#watch(state, record);
  }

  /**
   * Returns in how many milliseconds time alone may have changed something, or an event may have been missed.
   * @param decidedMs when it was last decided what to do: a deadline that has passed since then is still to be heeded
   */
  #nextPassMs(state: FunctionState, decidedMs: number): number {
    const deadlineMs = state.nextDeadlineMs(decidedMs) - monotonicMs();
    if (state.replicas.size === 0) return deadlineMs;
    // Spread, so that functions that were compared together are not again.
    return Math.min(deadlineMs, this.#parts.timing.resyncMs * (0.5 + Math.random() / 2));
  }

  /** Compares what is known of a function's replicas with what containerd says. */
  async #look(state: FunctionState): Promise<void> {
    // A step that ends while we look leaves something newer than we see; it asks for another look.
    const busy = state.busyReplicas();
    state.lookBegins(monotonicMs());
    const actual = await this.#observer.observe(state.fn, state.replicas.keys(), busy).catch((error: unknown) => {
      state.lookIsDue();
      throw error;
    });
    if (busy.size > 0) state.lookIsDue();
    await this.#breather.next();
    const { gone, exited } = state.observed(actual, busy, monotonicMs());
    for (const replica of gone) {
      this.#watches.end(replica);
      void this.#parts.sweep.replica(replica.id);
    }
    for (const { replica, exit } of exited) {
      this.#watches.end(replica);
      const { reason } = exit;
      const restartInMs = Math.round(exit.restartInMs);
      this.#parts.log.warn('replica exited', {
        function: fullName(state.fn),
        replica: replica.id,
        reason,
        restartInMs,
      });
      this.#tellExit(state, replica, exit);
    }
  }

  /** A crash while it starts is told once for each cause, and not at each try. */
  #tellExit(state: FunctionState, replica: Replica, exit: ReplicaExit): void {
    const { reason, wasReady } = exit;
    if (!wasReady && !state.generation(replica.generation).isNewCause(reason)) return;
    const how = isOutOfMemory(exit)
      ? ({ kind: 'out-of-memory', severity: 'error' } as const)
      : ({ kind: 'replica-exited', severity: 'warn' } as const);
    const text = `a replica ended${wasReady ? '' : ' before it was ready'}: ${reason}`;
    this.#parts.host.events.tell({ ...state.fn, replica: replica.id, ...how, text });
  }

  #route(state: FunctionState, record: FunctionRecord | undefined): void {
    const { fn } = state;
    if (!record) {
      this.#parts.routes.delete(fn);
      return;
    }
    this.#parts.routes.setFailed(fn, state.failedStart(record, monotonicMs()));
    const ready = state.readyReplicas(record.current.id);
    const known = this.#parts.routes.targets(fn).map(({ replica }) => replica);
    if (ready.length === known.length && ready.every(({ id }) => known.includes(id))) return;
    const targets = ready.map(({ id, ip = '', readySinceMs, limits: { maxInflight } }) => {
      return { replica: id, hostname: ip, port: functionPort, readySinceMs, maxInflight };
    });
    this.#parts.routes.set(fn, targets);
  }

  #watch(state: FunctionState, record: FunctionRecord | undefined): void {
    for (const replica of state.replicas.values()) {
      const generation = record && wantedGeneration(record, replica.generation);
      this.#watches.watch(state.fn, replica, generation?.deployment);
    }
  }

  #forget(fn: FunctionName, loop: PassLoop): void {
    loop.end();
    this.#loops.delete(fullName(fn));
    this.#parts.states.forget(fn);
  }
}
