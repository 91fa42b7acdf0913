export { LogStore, type LogStoreOptions } from './log-store.ts';
export type { LogLine, LogQuery, LogReplica, TaskStdio } from './log-line.ts';
