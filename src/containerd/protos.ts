import { join } from 'node:path';
import { loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { ProtoGrpcType } from './generated/containerd.ts';

const protosDir = join(import.meta.dirname, '../../protos');

// The same options as in generate.sh, which writes the types that this cast relies on.
const root = loadPackageDefinition(
  loadSync('containerd.proto', { includeDirs: [protosDir], longs: Number, enums: String, defaults: true }),
) as unknown as ProtoGrpcType;

const { services } = root.containerd;

// The method definitions of every service that berth speaks.
export const version = services.version.v1.Version.service;
export const introspection = services.introspection.v1.Introspection.service;
export const namespaces = services.namespaces.v1.Namespaces.service;
export const containers = services.containers.v1.Containers.service;
export const content = services.content.v1.Content.service;
export const images = services.images.v1.Images.service;
export const snapshots = services.snapshots.v1.Snapshots.service;
export const diff = services.diff.v1.Diff.service;
export const leases = services.leases.v1.Leases.service;
export const tasks = services.tasks.v1.Tasks.service;
export const events = services.events.v1.Events.service;

/** The messages that travel inside a `google.protobuf.Any`. */
export const messages = {
  TaskStart: root.containerd.events.TaskStart,
  TaskExit: root.containerd.events.TaskExit,
  TaskOOM: root.containerd.events.TaskOOM,
  TaskDelete: root.containerd.events.TaskDelete,
  MetricsV1: root.io.containerd.cgroups.v1.Metrics,
  MetricsV2: root.io.containerd.cgroups.v2.Metrics,
};
