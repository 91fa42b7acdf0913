import { monotonicMs } from '../../base/monotonic.ts';
import {
  NoEndpointsError,
  ProviderError,
  StartFailedError,
  type Endpoint,
  type FunctionName,
  type Provider,
  type Resolve,
  fullName,
  workloadOf,
} from '../../provider/index.ts';

export interface WakingOptions {
  /** How long a call is held, unless the function's own probes allow it longer; then `resolve` throws ProviderError (504). */
  wakeMs: number;
  /** Told of each call until it has its replica. */
  hold: (fn: FunctionName) => () => void;
  /** Told once of a wake how long it took until a call had its replica. */
  woken?: (fn: FunctionName, ms: number) => void;
  leaving?: Leaving;
}

/** How calls go on that this process cannot serve any more. */
export interface Leaving {
  /** Aborts when nothing is started any more. */
  signal: AbortSignal;
  /** Where the next process serves; undefined where nobody is known to. */
  next: () => { hostname: string; port: number } | undefined;
}

interface Wake {
  /** How long the function may take. */
  waitMs: number;
  /** When it was scaled up from zero, until somebody has been told. */
  beganMs?: number;
}

/**
 * Returns a `resolve` that also wakes a function which is scaled to zero: it scales it once however many call, and holds the
 * calls until a replica is ready.
 */
export function wakingResolve(provider: Provider, { wakeMs, hold, woken, leaving }: WakingOptions): Resolve {
  const waking = new Map<string, Promise<Wake>>();

  async function wake(fn: FunctionName): Promise<Wake> {
    const beganMs = monotonicMs();
    const status = await provider.status(fn, { usage: false });
    const { scaling, startAllowedMs } = workloadOf(status);
    const waitMs = Math.max(wakeMs, startAllowedMs);
    if (status.replicas > 0) return { waitMs };
    await provider.scale(fn, scaling.min, { durable: false, by: 'call' });
    return { waitMs, beganMs };
  }

  function wakeOnce(fn: FunctionName): Promise<Wake> {
    const key = fullName(fn);
    const running = waking.get(key) ?? wake(fn).finally(() => waking.delete(key));
    waking.set(key, running);
    return running;
  }

  async function resolveHeld(fn: FunctionName, signal?: AbortSignal): Promise<Endpoint> {
    const release = hold(fn);
    try {
      return await provider.resolve(fn, { signal, waitMs: 0 });
    } catch (error) {
      if (!isWithoutReplica(error)) throw error;
      return await wakeAndResolve(fn, signal);
    } finally {
      release();
    }
  }

  async function wakeAndResolve(fn: FunctionName, signal?: AbortSignal): Promise<Endpoint> {
    const wake = await wakeOnce(fn);
    const { waitMs } = wake;
    try {
      const endpoint = await provider.resolve(fn, { signal, waitMs });
      if (wake.beganMs !== undefined) woken?.(fn, monotonicMs() - wake.beganMs);
      wake.beganMs = undefined;
      return endpoint;
    } catch (error) {
      if (!isWithoutReplica(error)) throw error;
      const message = `${fn.name} had no ready replica within ${Math.round(waitMs) / 1000} s: see faas-cli describe and logs`;
      throw new ProviderError(504, message, { cause: error, headers: error.headers });
    }
  }

  return (fn, options) => provider.resolveNow?.(fn) ?? heldUntilLeaving(fn, options.signal);

  /** Waits here for a replica, or at the process that takes over. */
  async function heldUntilLeaving(fn: FunctionName, signal?: AbortSignal): Promise<Endpoint> {
    const signals = [signal, leaving?.signal].filter((each) => each !== undefined);
    try {
      return await resolveHeld(fn, AbortSignal.any(signals));
    } catch (error) {
      if (leaving?.signal.aborted) return nextEndpoint(leaving);
      throw error;
    }
  }
}

function nextEndpoint({ next }: Leaving): Endpoint {
  const at = next();
  if (at) return { ...at, isGateway: true, release() {} };
  throw new ProviderError(503, 'berth is being restarted: try again', { headers: { 'Retry-After': '1' } });
}

/** Whether a replica may come if the call is held. */
function isWithoutReplica(error: unknown): error is NoEndpointsError {
  return error instanceof NoEndpointsError && !(error instanceof StartFailedError);
}
