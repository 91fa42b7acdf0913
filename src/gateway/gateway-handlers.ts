import { machine } from 'node:os';
import type { Registry } from '@prometheus-io/client';
import type { Log } from '../base/log.ts';
import type { PartHealth } from '../base/part-health.ts';
import {
  handlersFor,
  type FaaSConfig,
  type FaaSHandlers,
  type FunctionStatus,
  type Provider,
  type VersionInfo,
} from '../provider/index.ts';
import { gatewayCalls } from './calls/gateway-calls.ts';
import { healthOf } from './health.ts';
import type { Invocations } from './metrics/invocations.ts';

export interface GatewayOptions {
  provider: Provider;
  config: FaaSConfig;
  version: VersionInfo;
  /** Limit of one call in milliseconds; absent: none. */
  upstreamTimeoutMs?: number;
  /** How long a call is held for a function that has no ready replica; 60 s when absent. */
  wakeMs?: number;
  /** True once the provider has looked after everything since its start. */
  ready: () => boolean;
  /** How each part of the daemon is, for the metrics; none where it is absent. */
  parts?: () => PartHealth[];
  registry: Registry;
  log: Log;
}

/** Returns a provider's handlers with what a gateway adds: see `gatewayCalls`, counts in the list, its own /system/info. */
export function gatewayHandlers(options: GatewayOptions, invocations: Invocations): FaaSHandlers {
  const { provider, config, version, upstreamTimeoutMs, wakeMs, ready, log } = options;
  const calls = gatewayCalls({ provider, invocations, wakeMs });
  const handlers = handlersFor(provider, config, { ...calls, upstreamTimeoutMs, log });
  return {
    ...handlers,
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
