export { LogError } from './log-error.ts';
export { LogStore } from './log-store.ts';
export type { LogStoreOptions } from './log-store.ts';
export type { LogLine, LogQuery, LogReplica, TaskStdio } from './log-line.ts';
