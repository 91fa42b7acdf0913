// Verbs and types
export type {
  Actor,
  APIAccessEvent,
  CallOutcome,
  DeployOutcome,
  Endpoint,
  FunctionDeployment,
  FunctionName,
  FunctionResources,
  FunctionStatus,
  FunctionUsage,
  FunctionUsageEvent,
  LogMessage,
  LogRequest,
  Namespace,
  NamespaceVerbs,
  Provider,
  ProviderInfo,
  QueuedUrl,
  QueueRequest,
  RequestQueuer,
  ResolveOptions,
  ScaleOptions,
  Secret,
  SecretName,
  SecretVerbs,
  StatusOptions,
  SystemEventType,
  VersionInfo,
} from './provider/index.ts';

// Errors
export {
  BadRequestError,
  ConfigError,
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
} from './provider/index.ts';

// Serving
export {
  basicAuth,
  handlersFor,
  metricsHandler,
  readCredentials,
  serve,
  type BasicAuthCredentials,
  type FaaSContext,
  type FaaSHandlers,
  type FaaSServer,
  type FaaSState,
  type Handler,
  type HandlersOptions,
  type RawHandler,
  type Route,
  type ServeOptions,
} from './provider/index.ts';

// Parsing: each reads the context of its route
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
} from './provider/index.ts';

// Parsing: names, amounts and times
export {
  checkLabel,
  checkSecretName,
  parseCpu,
  parseGoDuration,
  parseMemory,
  parseSecondsOrGoDuration,
} from './provider/index.ts';

// Calls
export {
  functionProxy,
  RoutingTable,
  splitFunctionUrl,
  type FunctionProxy,
  type FunctionProxyOptions,
  type FunctionUrl,
  type Proxy,
  type ProxyOutcome,
  type ProxyTarget,
  type Resolve,
  type RouteTarget,
  type RoutingTableOptions,
  type SplitOptions,
} from './provider/index.ts';

// Logs
export {
  createLog,
  logsHandler,
  type Log,
  type LogFields,
  type LogLevel,
  type LogOptions,
  type LogsVerb,
} from './provider/index.ts';

// Configuration
export { defaultConfig, readConfig, type Environment, type FaaSConfig } from './provider/index.ts';
