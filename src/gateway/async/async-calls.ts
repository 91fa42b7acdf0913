import type { Log } from '../../base/log.ts';
import type { FaaSConfig, FunctionName, Provider, RawHandler, Route } from '../../provider/index.ts';
import { asyncHandler } from './async-handler.ts';
import { asyncRoutes } from './async-routes.ts';
import type { Queue } from './queue.ts';

/** Asynchronous calls, as a gateway serves them. */
export interface AsyncCalls {
  /** POST /async-function/NAME */
  handler: RawHandler;
  /** What became of calls, for who knows the password. */
  routes: Route[];
  /** How many calls of a function are queued or running. */
  pending(fn: FunctionName): number;
}

export interface AsyncCallsOptions {
  queue: Queue;
  provider: Provider;
  config: FaaSConfig;
  bodyLimitBytes: number;
  log: Log;
}

export function createAsync({ queue, provider, config, bodyLimitBytes, log }: AsyncCallsOptions): AsyncCalls {
  const checkCallback = () => Promise.resolve();
  return {
    handler: asyncHandler({ queue, provider, config, bodyLimitBytes, checkCallback, log }),
    routes: asyncRoutes({ queue, abort() {} }),
    pending: (fn) => queue.pending(fn),
  };
}
