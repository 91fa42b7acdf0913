import type { FaaSHandlers, FunctionName, FunctionStatus, Route } from '../provider/index.ts';
import { FunctionRows } from './dashboard/function-rows.ts';
import { hostView } from './dashboard/host-view.ts';
import { OverviewFeed } from './dashboard/overview-feed.ts';
import { overviewRoute } from './dashboard/overview-route.ts';
import { CallHistory } from './history/call-history.ts';
import { historyRoute } from './history/history-route.ts';
import { AlertHolds } from './scaling/alert-holds.ts';
import { alertHandler } from './scaling/alert.ts';
import { Autoscaler } from './scaling/autoscaler.ts';
import { eventsRoute } from './events-route.ts';
import { gatewayHandlers, type GatewayOptions } from './gateway-handlers.ts';
import { partsRoute } from './parts-route.ts';
import { CountsFile } from './metrics/counts-file.ts';
import { Invocations } from './metrics/invocations.ts';
import { partGauge } from './metrics/part-gauge.ts';
import { resourceSeries } from './metrics/resource-series.ts';
import { serviceGauges } from './metrics/service-gauges.ts';
import { UsageSamples } from './metrics/usage-samples.ts';
import { tellingProvider } from './telling-provider.ts';

export interface Gateway {
  handlers: FaaSHandlers;
  /** Routes beside the provider's that ask for the password. */
  routes: Route[];
  /** What was counted of calls, which is read before there are any, and written while they come and once they have ended. */
  counts?: CountsFile;
  /** Autoscales until the signal aborts, then resolves. Never rejects. */
  autoscale(signal: AbortSignal): Promise<void>;
  /** Keeps what functions were like until the signal aborts, and resolves when it is written. Never rejects. */
  remember(signal: AbortSignal): Promise<void>;
}

/** Puts in front of a provider what OpenFaaS's gateway does: its routes, metrics and autoscaler. */
export function createGateway(given: GatewayOptions): Gateway {
  const provider = tellingProvider(given.provider);
  const options = { ...given, provider };
  const { config, registry, ready, parts, countsPath: path, asyncCalls, log } = options;
  const { defaultNamespace } = config;
  const invocations = new Invocations(registry);
  const holds = new AlertHolds();
  const usage = new UsageSamples({ provider, log });
  const history = new CallHistory({ dir: options.historyDir, invocations, usage, log });
  const pending = asyncCalls && ((fn: FunctionName) => asyncCalls.pending(fn));
  const onList = (functions: FunctionStatus[]) => {
    history.follow(functions);
    asyncCalls?.follow(functions);
  };
  const { events } = given.provider;
  const autoscaler = new Autoscaler({ provider, invocations, holds, defaultNamespace, log, pending, onList, events });
  if (parts) partGauge(registry, parts);
  resourceSeries({ provider, registry, log });
  serviceGauges({ provider, defaultNamespace, registry, log });
  return {
    handlers: gatewayHandlers(options, invocations),
    routes: [
      { method: 'POST', path: '/system/alert', handler: alertHandler({ provider, holds, defaultNamespace, log }) },
      ...(parts ? [partsRoute(() => ({ ready: ready(), parts: parts() }))] : []),
      overviewRoute(overviewFeed(options, { invocations, usage })),
      eventsRoute(provider.events),
      historyRoute(provider, history),
      ...(asyncCalls?.routes ?? []),
    ],
    counts: path === undefined ? undefined : new CountsFile({ path, invocations, holds, log }),
    autoscale: (signal) => autoscaler.run(signal),
    remember(signal) {
      usage.run(signal);
      return history.run(signal);
    },
  };
}

function overviewFeed(
  options: GatewayOptions,
  { invocations, usage }: { invocations: Invocations; usage: UsageSamples },
): OverviewFeed {
  const { provider, config, version, ready, parts, asyncCalls, log } = options;
  const rows = new FunctionRows({ provider, defaultNamespace: config.defaultNamespace, invocations, usage, log });
  const { tcpPort: apiPort } = config;
  const host = () => hostView({ provider, apiPort, version, ready, parts, hasAsyncCalls: asyncCalls !== undefined });
  return new OverviewFeed({ provider, rows, usage, host, log });
}
