import { machine } from 'node:os';
import type { Registry } from '@prometheus-io/client';
import type { Log } from '../base/log.ts';
import {
  functionProxy,
  handlersFor,
  type FaaSConfig,
  type FaaSHandlers,
  type FunctionStatus,
  type Provider,
  type RawHandler,
  type Resolve,
  type VersionInfo,
} from '../provider/index.ts';
import { markCall } from './calls/call-id.ts';
import { healthOf } from './health.ts';
import type { Invocations } from './metrics/invocations.ts';
import { wakingResolve } from './calls/wake.ts';

export interface GatewayOptions {
  provider: Provider;
  config: FaaSConfig;
  version: VersionInfo;
  /** Limit of one call in milliseconds; absent: none. */
  upstreamTimeoutMs?: number;
  /** How long a call is held for a function that has no ready replica. */
  wakeMs?: number;
  /** True once the provider has looked after everything since its start. */
  ready: () => boolean;
  registry: Registry;
  log: Log;
}

/** What a gateway adds to a provider's handlers: call ids, wake from zero, counters, and its own shape of /system/info. */
export function gatewayHandlers(options: GatewayOptions, invocations: Invocations): FaaSHandlers {
  const { provider, config, version, ready } = options;
  const handlers = handlersFor(provider, config);
  return {
    ...handlers,
    functionProxy: invoker(options, invocations),
    async functionLister(ctx) {
      await handlers.functionLister?.(ctx);
      // faas-cli takes the count from the list, also when it describes one function.
      const functions = ctx.body as FunctionStatus[];
      ctx.body = functions.map((status) => ({ ...status, invocationCount: invocations.count(status) }));
    },
    async info(ctx) {
      ctx.body = { provider: await provider.info(), version, arch: machine() };
    },
    health(ctx) {
      const { status, body } = healthOf(ready());
      ctx.status = status;
      ctx.body = body;
      return Promise.resolve();
    },
  };
}

function invoker(options: GatewayOptions, invocations: Invocations): RawHandler {
  const { provider, config, upstreamTimeoutMs, wakeMs = 60_000, log } = options;
  const wakeAndResolve = wakingResolve(provider, { wakeMs });
  const resolve: Resolve = async (fn, resolving) => {
    const release = invocations.hold(fn);
    try {
      return await wakeAndResolve(fn, resolving);
    } finally {
      release();
    }
  };
  const proxy = functionProxy(resolve, {
    defaultNamespace: config.defaultNamespace,
    maxIdleConns: config.maxIdleConns,
    maxIdleConnsPerHost: config.maxIdleConnsPerHost,
    upstreamTimeoutMs,
    unreachableStatus: 502,
    onCall: (fn) => invocations.begin(fn),
    log,
  });
  return {
    web(req, res) {
      for (const [name, value] of Object.entries(markCall(req))) res.setHeader(name, value);
      return proxy.web(req, res);
    },
    upgrade(req, socket, head) {
      markCall(req);
      return proxy.upgrade(req, socket, head);
    },
    close: () => proxy.close(),
  };
}
