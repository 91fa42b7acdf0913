export type { Resolve } from './function-call.ts';
export { functionProxy } from './function-proxy.ts';
export type { FunctionProxy, FunctionProxyOptions } from './function-proxy.ts';
export { splitFunctionUrl } from './function-url.ts';
export type { FunctionUrl, SplitOptions } from './function-url.ts';
export { createHttpProxy } from './http-proxy.ts';
export type { HttpProxyOptions } from './http-proxy.ts';
export type { Proxy, ProxyOutcome, ProxyTarget } from './proxy.ts';
