export { Containerd } from './containerd.ts';
export {
  ContainerdError,
  isAlreadyExists,
  isCancelled,
  isDeadlineExceeded,
  isFailedPrecondition,
  isInvalidArgument,
  isNotFound,
  isOutOfDisk,
  isResourceExhausted,
  isUnavailable,
  isUnimplemented,
  notFoundAs,
} from './containerd-error.ts';
export type { Container } from './container-service.ts';
export type { ContainerdEvent } from './event-service.ts';
export { endExec, ExecProcess, type ExecEnd } from './exec-process.ts';
export type { ExecKey } from './exec-service.ts';
export type { Image, NewImage } from './image-service.ts';
export type { LeaseResource } from './lease-service.ts';
export type { NamespacedClient } from './namespaced-client.ts';
export type { SnapshotKey, SnapshotUsage } from './snapshot-service.ts';
export type { TaskMetrics } from './task-metrics.ts';
export type { NewTask } from './task-service.ts';
export type { Labels, Mount } from './wire-types.ts';
