// Verbs and types
export type {
  CallOutcome,
  DeployOutcome,
  Endpoint,
  NamespaceVerbs,
  Provider,
  ResolveOptions,
  ScaleOptions,
  SecretVerbs,
  StatusOptions,
} from './provider.ts';
export type {
  FunctionDeployment,
  FunctionName,
  FunctionResources,
  FunctionStatus,
  FunctionUsage,
  LogMessage,
  LogRequest,
  Namespace,
  ProviderInfo,
  Secret,
  SecretName,
  VersionInfo,
} from './types.ts';
export type { QueuedUrl, QueueRequest, RequestQueuer } from './queue-request.ts';
export type { Actor, APIAccessEvent, FunctionUsageEvent, SystemEventType } from './system-events.ts';

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
  TooManyRequestsError,
} from './provider-errors.ts';

// Serving
export { serve, type FaaSServer, type ServeOptions } from './serve.ts';
export { handlersFor, type HandlersOptions } from './handlers-for.ts';
export type { FaaSContext, FaaSHandlers, FaaSState, Handler, RawHandler } from './handlers.ts';
export type { Route } from './routes.ts';
export { metricsHandler } from './request-metrics.ts';
export { basicAuth, readCredentials, type BasicAuthCredentials } from './basic-auth.ts';

// Parsing
export {
  parseDeployment,
  parseFunctionName,
  parseFunctionPath,
  parseLogRequest,
  parseNamespace,
  parseNamespaceName,
  parseNamespaceQuery,
  parseScale,
  parseSecret,
  parseSecretName,
  parseStatusRequest,
} from './parse.ts';
export { checkLabel, checkSecretName } from './names.ts';
export { parseCpu, parseMemory } from './quantity.ts';
export { parseGoDuration, parseSecondsOrGoDuration } from '../base/go-duration.ts';
export { quote } from '../base/quote.ts';
export { fullName, parseFullName, type FullName } from './full-name.ts';

// Labels, annotations and variables of functions
export {
  capabilitiesOf,
  clampReplicas,
  functionPort,
  hasScalingLabel,
  pullPolicies,
  resourcesOf,
  workloadOf,
} from './workload/index.ts';
export type {
  LoadRule,
  ProbeSettings,
  PullPolicy,
  ReplicaRange,
  ResourceAmounts,
  ScalingRule,
} from './workload/index.ts';

// Calls
export { functionProxy, splitFunctionUrl } from './proxy/index.ts';
export type {
  FunctionProxy,
  FunctionProxyOptions,
  FunctionUrl,
  Proxy,
  ProxyOutcome,
  ProxyTarget,
  Resolve,
  SplitOptions,
} from './proxy/index.ts';
export { RoutingTable, type RouteTarget, type RoutingTableOptions } from './routing/index.ts';

// Logs
export { logsHandler, type LogsVerb } from './logs-handler.ts';
export { createLog, type Log, type LogFields, type LogLevel, type LogOptions } from '../base/log.ts';

// Configuration
export { defaultConfig, faasSettings, readConfig, type FaaSConfig } from './faas-config.ts';
export { ConfigError, oneOf, path, port, readSettings, setting, timeout } from './read-settings.ts';
export type { Environment, Setting, SettingValues } from './read-settings.ts';
