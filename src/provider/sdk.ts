// The public names of the package, all of them. A module with a `*` is public as a whole.

// Verbs and types
export type * from './provider.ts';
export type * from './peers.ts';
export type * from './types.ts';
export type * from './queue-request.ts';
export type * from './system-events.ts';

// Errors
export {
  BadRequestError,
  FunctionExistsError,
  FunctionNotFoundError,
  NamespaceExistsError,
  NamespaceNotFoundError,
  NoEndpointsError,
  NotImplementedError,
  ProviderError,
  SecretExistsError,
  SecretNotFoundError,
  StartFailedError,
  TooManyRequestsError,
} from './provider-errors.ts';

// Serving
export * from './serve.ts';
export * from './handlers-for.ts';
export type * from './handlers.ts';
export type { Route } from './routes.ts';
export { metricsHandler } from './request-metrics.ts';
export * from './basic-auth.ts';

// Parsing: what a route is sent, names, amounts and times
export * from './parse.ts';
export { checkLabel, checkSecretName } from './names.ts';
export * from './quantity.ts';
export { clampReplicas } from './workload/index.ts';
export { parseGoDuration, parseSecondsOrGoDuration } from '../base/go-duration.ts';

// Calls
export * from './proxy/index.ts';
export { RoutingTable, type FailedStart, type RouteTarget, type RoutingTableOptions } from './routing/index.ts';

// Events
export { EventFeed, type EventKind, type EventSource, type Happening, type SystemEvent } from './event-feed.ts';

// Logs
export * from './logs-handler.ts';
export { createLog, type Log, type LogFields, type LogLevel, type LogOptions } from '../base/log.ts';

// Configuration
export { defaultConfig, readConfig, type FaaSConfig } from './faas-config.ts';
export { ConfigError, type Environment } from './read-settings.ts';
export { TrustedProxies, type Forwarded } from './trusted-proxies.ts';
