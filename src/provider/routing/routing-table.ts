import { monotonicMs } from '../../base/monotonic.ts';
import { fullName, type FullName } from '../full-name.ts';
import { FunctionNotFoundError, NoEndpointsError, StartFailedError, TooManyRequestsError } from '../provider-errors.ts';
import type { CallOutcome, Endpoint, ResolveOptions } from '../provider.ts';
import type { FunctionName } from '../types.ts';

/** A replica that takes calls. */
export interface RouteTarget {
  /** The replica's id, unique among all functions. */
  replica: string;
  hostname: string;
  port: number;
  /** When the replica became ready. */
  readySinceMs: number;
  /** Calls that the replica takes at once: a further one waits here rather than being refused by its watchdog. */
  maxInflight: number;
}

export interface RoutingTableOptions {
  /** Calls that may wait at once for one function; more are answered 429. */
  maxWaiting?: number;
  /** How long a call waits for a free slot of a function whose replicas are all at max_inflight, in milliseconds. */
  slotWaitMs?: number;
}

export type OutcomeListener = (fn: FunctionName, replica: string, outcome: CallOutcome) => void;

interface Waiter {
  serve(target: RouteTarget): void;
  leave(error: Error): void;
}

/** A function none of whose replicas takes calls, or is about to. */
export interface FailedStart {
  /** What kind of failure it was: callers read it, so it names no path and nothing else that is inside. */
  reason: string;
  /** How long nothing is tried. */
  retryInMs: number;
}

interface FunctionRoutes {
  targets: RouteTarget[];
  failure?: { reason: string; untilMs: number };
  waiters: Set<Waiter>;
}

/**
 * Routes calls to ready replicas from memory, so that a call asks nobody else. A back end says which replicas are ready; the
 * table counts their calls in flight. The least busy gets the next call, among equals the one that waits for one longest.
 */
export class RoutingTable {
  readonly #functions = new Map<FullName, FunctionRoutes>();
  readonly #inFlight = new Map<string, number>();
  readonly #idle = new Map<string, () => void>();
  readonly #maxWaiting: number;
  readonly #slotWaitMs: number;
  readonly #listeners: OutcomeListener[] = [];

  constructor({ maxWaiting = 1024, slotWaitMs = 10_000 }: RoutingTableOptions = {}) {
    this.#maxWaiting = maxWaiting;
    this.#slotWaitMs = slotWaitMs;
  }

  /** Tells `listener` from now on how each call of a replica ended. */
  onOutcome(listener: OutcomeListener): void {
    this.#listeners.push(listener);
  }

  /** Sets the ready replicas of a function. Calls in flight on others go on and stay counted. */
  set(fn: FunctionName, targets: RouteTarget[]): void {
    const routes = this.#routes(fn);
    routes.targets = [...targets];
    this.#serveWaiters(routes);
  }

  /** Says that the last start of a function failed and when the next is: its calls are told so, unless it is soon. */
  setFailed(fn: FunctionName, failed: FailedStart | undefined): void {
    const routes = this.#routes(fn);
    routes.failure = failed && { reason: failed.reason, untilMs: monotonicMs() + failed.retryInMs };
    const error = failure(fn, routes);
    if (error) for (const waiter of routes.waiters) waiter.leave(error);
  }

  /** Forgets a function that is gone; calls that wait for it are told so at once. */
  delete(fn: FunctionName): void {
    const routes = this.#functions.get(fullName(fn));
    this.#functions.delete(fullName(fn));
    if (routes) routes.targets = [];
    for (const waiter of routes?.waiters ?? []) waiter.leave(new FunctionNotFoundError(fn));
  }

  /** Returns the ready replicas of a function. */
  targets(fn: FunctionName): RouteTarget[] {
    return this.#functions.get(fullName(fn))?.targets ?? [];
  }

  /** Counts the calls in flight on a replica, also when it is no longer ready. */
  inFlight(replica: string): number {
    return this.#inFlight.get(replica) ?? 0;
  }

  /** Calls `done` once, when no call is in flight on the replica any more. */
  whenIdle(replica: string, done: () => void): void {
    if (this.inFlight(replica) === 0) done();
    else this.#idle.set(replica, done);
  }

  /** Counts the calls that wait for a ready replica of the function, or for a free slot. */
  waiting(fn: FunctionName): number {
    return this.#functions.get(fullName(fn))?.waiters.size ?? 0;
  }

  /** Takes the least busy replica for a call, if one is ready and free. */
  resolveNow(fn: FunctionName): Endpoint | undefined {
    const routes = this.#functions.get(fullName(fn));
    const target = routes && this.#choose(routes.targets);
    return target && this.#take(fn, routes, target);
  }

  /**
   * Takes the least busy replica for a call, and waits for one when none is ready or free.
   * @throws NoEndpointsError when none became ready in time
   * @throws StartFailedError at once when none is about to become ready
   * @throws TooManyRequestsError when all stayed at their `maxInflight`, or too many calls wait already
   */
  async resolve(fn: FunctionName, { waitMs = 0, signal }: ResolveOptions): Promise<Endpoint> {
    signal?.throwIfAborted();
    const endpoint = this.resolveNow(fn);
    if (endpoint) return endpoint;
    const routes = this.#routes(fn);
    const failed = failure(fn, routes);
    if (failed) throw failed;
    const limitMs = routes.targets.length > 0 ? Math.max(waitMs, this.#slotWaitMs) : waitMs;
    if (limitMs === 0) throw new NoEndpointsError(fn);
    if (routes.waiters.size >= this.#maxWaiting) {
      const message = `${this.#maxWaiting} calls are waiting for ${fullName(fn)} already: try again later`;
      throw new TooManyRequestsError(message);
    }
    return this.#wait(fn, routes, limitMs, signal);
  }

  #wait(fn: FunctionName, routes: FunctionRoutes, limitMs: number, signal?: AbortSignal): Promise<Endpoint> {
    const { promise, resolve, reject } = Promise.withResolvers<Endpoint>();
    const leave = (error: Error) => {
      end();
      reject(error);
    };
    const timer = setTimeout(() => leave(waitedInVain(fn, routes)), limitMs);
    const abort = () => leave(new NoEndpointsError(fn, { cause: signal?.reason }));
    const serve = (target: RouteTarget) => {
      end();
      resolve(this.#take(fn, routes, target));
    };
    const waiter: Waiter = { serve, leave };
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      routes.waiters.delete(waiter);
    };
    signal?.addEventListener('abort', abort);
    routes.waiters.add(waiter);
    return promise;
  }

  #serveWaiters(routes: FunctionRoutes): void {
    for (const waiter of routes.waiters) {
      const target = this.#choose(routes.targets);
      if (!target) return;
      waiter.serve(target);
    }
  }

  #choose(targets: RouteTarget[]): RouteTarget | undefined {
    let best: RouteTarget | undefined;
    for (const target of targets) {
      const inFlight = this.inFlight(target.replica);
      if (inFlight < target.maxInflight && (!best || inFlight < this.inFlight(best.replica))) best = target;
    }
    return best;
  }

  #take(fn: FunctionName, routes: FunctionRoutes, target: RouteTarget): Endpoint {
    const { replica, hostname, port, readySinceMs } = target;
    this.#inFlight.set(replica, this.inFlight(replica) + 1);
    if (routes.targets.length > 1) {
      routes.targets.splice(routes.targets.indexOf(target), 1);
      routes.targets.push(target);
    }
    let released = false;
    const release = (outcome: CallOutcome) => {
      if (released) return;
      released = true;
      this.#release(replica);
      // At once: until the reconciler has looked, it would seem the least busy, and be given call after call.
      if (outcome.failure === 'unreachable')
        routes.targets = routes.targets.filter((other) => other.replica !== replica);
      this.#serveWaiters(routes);
      for (const listener of this.#listeners) listener(fn, replica, outcome);
    };
    return { hostname, port, readySinceMs, release };
  }

  #release(replica: string): void {
    const left = this.inFlight(replica) - 1;
    if (left > 0) {
      this.#inFlight.set(replica, left);
      return;
    }
    this.#inFlight.delete(replica);
    const idle = this.#idle.get(replica);
    this.#idle.delete(replica);
    idle?.();
  }

  #routes(fn: FunctionName): FunctionRoutes {
    const key = fullName(fn);
    let routes = this.#functions.get(key);
    if (!routes) this.#functions.set(key, (routes = { targets: [], waiters: new Set() }));
    return routes;
  }
}

/** A start that is no further away is worth waiting for: a process that ended once is back before its callers would be. */
const soonMs = 5000;

function failure(fn: FunctionName, { targets, failure: failed }: FunctionRoutes): Error | undefined {
  const retryAfterMs = (failed?.untilMs ?? 0) - monotonicMs();
  if (!failed || targets.length > 0 || retryAfterMs <= soonMs) return undefined;
  return new StartFailedError(fn, { reason: failed.reason, retryAfterMs });
}

function waitedInVain(fn: FunctionName, routes: FunctionRoutes): Error {
  if (routes.targets.length === 0) return new NoEndpointsError(fn);
  return new TooManyRequestsError(`all replicas of ${fullName(fn)} are at their max_inflight: try again later`);
}
