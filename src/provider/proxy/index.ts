export { createFastProxy } from './fast/index.ts';
export type { Resolve } from './function-call.ts';
export { functionProxy, type FunctionProxy, type FunctionProxyOptions } from './function-proxy.ts';
export { splitFunctionUrl, type FunctionUrl, type SplitOptions } from './function-url.ts';
export { createHttpProxy } from './http-proxy.ts';
export type { Proxy, ProxyOutcome, ProxyTarget } from './proxy.ts';
export type { RoadOptions } from './road.ts';
export { createRoad, roadNames, type RoadName } from './roads.ts';
