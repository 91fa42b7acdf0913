import { machine } from 'node:os';
import type { Registry } from '@prometheus-io/client';
import type { Log } from '../base/log.ts';
import type { PartHealth } from '../base/part-health.ts';
import {
  FunctionExistsError,
  handlersFor,
  type FaaSConfig,
  type FaaSContext,
  type FaaSHandlers,
  type FunctionName,
  type FunctionStatus,
  type HandlersOptions,
  type Provider,
  type Resolve,
  type VersionInfo,
} from '../provider/index.ts';
import type { AsyncCalls } from './async/index.ts';
import { callHeaders } from './calls/call-id.ts';
import { wakingResolve, type Leaving } from './calls/wake.ts';
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
  /** How calls go on once the process leaves; they wait for what never comes unless given. */
  leaving?: Leaving;
  /** Asynchronous calls; they answer 501 where it is absent. */
  asyncCalls?: AsyncCalls;
  /** True once the provider has looked after everything since its start. */
  ready: () => boolean;
  /** How each part of the daemon is, for the metrics; none where it is absent. */
  parts?: () => PartHealth[];
  /** File of what was counted of calls; they are counted since the start where it is absent. */
  countsPath?: string;
  /** Folder of what functions were like in the last day; a restart loses it where it is absent. */
  historyDir?: string;
  registry: Registry;
  log: Log;
}

/**
 * Returns a provider's handlers with what a gateway adds: see `callsOf`, counts in the list, PUT that also creates, its own
 * /system/info.
 */
export function gatewayHandlers(options: GatewayOptions, invocations: Invocations): FaaSHandlers {
  const { provider, config, version, upstreamTimeoutMs, wakeMs = 60_000, leaving, ready, log } = options;
  const hold = (fn: FunctionName) => invocations.hold(fn);
  const woken = (fn: FunctionName, ms: number) => invocations.woken(fn, ms);
  const calls = callsOf(wakingResolve(provider, { wakeMs, hold, woken, leaving }), invocations);
  const handlers = handlersFor(provider, config, { ...calls, upstreamTimeoutMs, log });
  return {
    ...handlers,
    asyncFunction: options.asyncCalls?.handler,
    async functionLister(ctx) {
      await handlers.functionLister?.(ctx);
      // faas-cli takes the count from the list, also when it describes one function.
      const functions = ctx.body as FunctionStatus[];
      ctx.body = functions.map((status) => ({ ...status, invocationCount: invocations.count(status) }));
    },
    async functionStatus(ctx) {
      await handlers.functionStatus?.(ctx);
      const status = ctx.body as FunctionStatus;
      const nextRuns = options.asyncCalls?.nextRuns(status);
      if (nextRuns) ctx.body = { ...status, berth: { ...status.berth, nextRuns } };
    },
    updateFunction: (ctx) => putFunction(ctx, handlers),
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

/**
 * Creates a function, or updates it: what keeps a list of functions, such as GitOps tools, only ever says PUT. In this order,
 * as one that is removed while its update waits must not come back.
 */
async function putFunction(ctx: FaaSContext, { updateFunction, deployFunction }: FaaSHandlers): Promise<void> {
  try {
    await deployFunction?.(ctx);
  } catch (error) {
    if (!(error instanceof FunctionExistsError)) throw error;
    await updateFunction?.(ctx);
  }
}

/** Returns what a gateway does with each call: names it, counts it, and wakes the function it is for. */
function callsOf(resolve: Resolve, invocations: Invocations): HandlersOptions {
  return {
    unreachableStatus: 502,
    callHeaders,
    onCall: (fn) => invocations.begin(fn),
    resolve,
  };
}
