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
export { serve, type FaaSServer, type ServeOptions } from './serve.ts';
export { handlersFor, type HandlersOptions } from './handlers-for.ts';
export type { FaaSContext, FaaSHandlers, FaaSState, Handler, RawHandler } from './handlers.ts';
export type { Route } from './routes.ts';
export { defaultConfig, faasSettings, readConfig, type FaaSConfig } from './faas-config.ts';
export {
  ConfigError,
  oneOf,
  path,
  port,
  readSettings,
  setting,
  timeout,
  type Environment,
  type Setting,
  type SettingValues,
} from './read-settings.ts';
export { createLog, type Log, type LogFields, type LogLevel, type LogOptions } from '../base/log.ts';
export { metricsHandler } from './request-metrics.ts';
export {
  parseDeployment,
  parseFunctionName,
  parseLogRequest,
  parseNamespace,
  parseNamespaceName,
  parseNamespaceQuery,
  parseScale,
  parseSecret,
  parseSecretName,
  parseStatusRequest,
  type Query,
} from './parse.ts';
export { checkLabel, checkSecretName } from './names.ts';
export { quote } from '../base/quote.ts';
export { fullName, parseFullName, type FullName } from './full-name.ts';
export * from './routing/index.ts';
export * from './workload/index.ts';
export { parseCpu, parseMemory } from './quantity.ts';
export { parseGoDuration, parseSecondsOrGoDuration } from '../base/go-duration.ts';
export {
  functionProxy,
  splitFunctionUrl,
  type FunctionProxy,
  type FunctionProxyOptions,
  type FunctionUrl,
  type Proxy,
  type ProxyOutcome,
  type ProxyTarget,
  type Resolve,
  type SplitOptions,
} from './proxy/index.ts';
