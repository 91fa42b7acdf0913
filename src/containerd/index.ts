export { jsonAny, parseJsonAny } from './any.ts';
export type { AnyValue, RuncOptions } from './any.ts';
export type { CallOptions } from './call.ts';
export { Containerd } from './containerd.ts';
export type { ContainerdOptions } from './containerd.ts';
export type { Container, Containers, ContainerUpdate, NewContainer } from './container-service.ts';
export type { Content, ContentInfo, Ingest } from './content-service.ts';
export type { ContentWriter, NewContent } from './content-writer.ts';
export type { Diff, LayerToApply } from './diff-service.ts';
export {
  ContainerdError,
  isAlreadyExists,
  isCancelled,
  isDeadlineExceeded,
  isFailedPrecondition,
  isInvalidArgument,
  isNotFound,
  isUnavailable,
  isUnimplemented,
} from './containerd-error.ts';
export type {
  ContainerdEvent,
  Events,
  OtherEvent,
  TaskDeleteEvent,
  TaskExitEvent,
  TaskOomEvent,
  TaskStartEvent,
} from './event-service.ts';
export type { Image, Images, NewImage } from './image-service.ts';
export type { Introspection, Plugin, Server } from './introspection-service.ts';
export type { Lease, LeaseResource, Leases, NewLease } from './lease-service.ts';
export type { TaskMetrics } from './task-metrics.ts';
export type { NamespacedClient } from './namespaced-client.ts';
export type { Namespace, Namespaces } from './namespace-service.ts';
export type { NewSnapshot, SnapshotInfo, SnapshotKey, SnapshotKind, Snapshots } from './snapshot-service.ts';
export type { Exit, NewExec, NewTask, ProcessKey, Stdio, Task, Tasks, TaskStatus } from './task-service.ts';
export type { Descriptor, Labels, Mount } from './wire-types.ts';
