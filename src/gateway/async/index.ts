export { createAsync, type AsyncCalls } from './async-calls.ts';
export type { AsyncList } from './async-routes.ts';
export type { CallView } from './call-view.ts';
