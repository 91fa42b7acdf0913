export { jsonAny, parseJsonAny } from './any.ts';
export type { AnyValue, RuncOptions } from './any.ts';
export type { CallOptions } from './call.ts';
export { Containerd } from './containerd.ts';
export type { ContainerdOptions } from './containerd.ts';
export type { Container, Containers, ContainerUpdate, NewContainer } from './containers.ts';
export type { Content, ContentInfo, Ingest } from './content.ts';
export type { ContentWriter, NewContent } from './content-writer.ts';
export type { Diff, LayerToApply } from './diff.ts';
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
} from './errors.ts';
export type {
  ContainerdEvent,
  Events,
  OtherEvent,
  TaskDeleteEvent,
  TaskExitEvent,
  TaskOomEvent,
  TaskStartEvent,
} from './events.ts';
export type { Image, Images, NewImage } from './images.ts';
export type { Introspection, Plugin, Server } from './introspection.ts';
export type { Lease, LeaseResource, Leases, NewLease } from './leases.ts';
export type { TaskMetrics } from './metrics.ts';
export type { NamespacedClient } from './namespaced-client.ts';
export type { Namespace, Namespaces } from './namespaces.ts';
export type { NewSnapshot, SnapshotInfo, SnapshotKey, SnapshotKind, Snapshots } from './snapshots.ts';
export type { Exit, NewExec, NewTask, ProcessKey, Stdio, Task, Tasks, TaskStatus } from './tasks.ts';
export type { Descriptor, Labels, Mount } from './types.ts';
