export {
  askNats,
  AsyncCalls,
  CallbackAllow,
  openQueue,
  parseNatsAddress,
  Schedules,
  type AsyncList,
  type CallView,
} from './async/index.ts';
export { createGateway, type Gateway } from './gateway.ts';
export type { StackView } from './dashboard/wire.ts';
export type { GatewayOptions } from './gateway-handlers.ts';
export { serveDashboard, type Dashboard } from './dashboard/index.ts';
export { openRoutes } from './open-routes.ts';
export { partsRoute } from './parts-route.ts';
export { serveMetrics } from './metrics/serve-metrics.ts';
export type { Leaving } from './calls/wake.ts';
