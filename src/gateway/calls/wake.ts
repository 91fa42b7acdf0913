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

/**
 * Returns a `resolve` that also wakes a function which is scaled to zero: it scales it once however many call, and holds the
 * calls until a replica is ready.
 * @param options.wakeMs how long a call is held, unless the function's own probes allow it longer; then `resolve` throws ProviderError (504).
 * @param options.hold told of each call until it has its replica.
 */
export function wakingResolve(
  provider: Provider,
  { wakeMs, hold }: { wakeMs: number; hold: (fn: FunctionName) => () => void },
): Resolve {
  const waking = new Map<string, Promise<number>>();

  /** Returns how long the function may take. */
  async function wake(fn: FunctionName): Promise<number> {
    const status = await provider.status(fn, { usage: false });
    const { scaling, startAllowedMs } = workloadOf(status);
    if (status.replicas === 0) await provider.scale(fn, scaling.min, { durable: false });
    return Math.max(wakeMs, startAllowedMs);
  }

  function wakeOnce(fn: FunctionName): Promise<number> {
    const key = fullName(fn);
    const running = waking.get(key) ?? wake(fn).finally(() => waking.delete(key));
    waking.set(key, running);
    return running;
  }

  async function wakeAndResolve(fn: FunctionName, signal?: AbortSignal): Promise<Endpoint> {
    const waitMs = await wakeOnce(fn);
    try {
      return await provider.resolve(fn, { signal, waitMs });
    } catch (error) {
      if (!isWithoutReplica(error)) throw error;
      const message = `${fn.name} had no ready replica within ${Math.round(waitMs) / 1000} s: see faas-cli describe and logs`;
      throw new ProviderError(504, message, { cause: error, headers: error.headers });
    }
  }

  return async (fn, { signal }) => {
    const release = hold(fn);
    try {
      return await provider.resolve(fn, { signal, waitMs: 0 });
    } catch (error) {
      if (!isWithoutReplica(error)) throw error;
      return await wakeAndResolve(fn, signal);
    } finally {
      release();
    }
  };
}

/** Whether a replica may come if the call is held. */
function isWithoutReplica(error: unknown): error is NoEndpointsError {
  return error instanceof NoEndpointsError && !(error instanceof StartFailedError);
}
