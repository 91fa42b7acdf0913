import {
  fromWireAny,
  jsonAny,
  parseJsonAny,
  runcOptionsAny,
  specTypeUrl,
  toWireAny,
  type AnyValue,
  type RuncOptions,
} from './any.ts';
import type { CallOptions, Connection } from './call.ts';
import type {
  Container as WireContainer,
  Container__Output,
} from './generated/containerd/services/containers/v1/Container.ts';
import { containers as methods } from './protos.ts';
import { toDate } from './timestamps.ts';
import { present, type Labels } from './wire-types.ts';

/** A container record: what a task is made from. It says nothing about whether one runs. */
export interface Container {
  id: string;
  labels: Labels;
  /** The image's name. */
  image: string;
  runtime: string;
  /** The OCI runtime specification, see https://github.com/opencontainers/runtime-spec. */
  spec: object;
  snapshotter: string;
  snapshotKey: string;
  extensions: Record<string, AnyValue>;
  createdAt?: Date;
  updatedAt?: Date;
}

export interface NewContainer {
  /** Letters and digits with single `.`, `_` or `-` between them, at most 76 characters. */
  id: string;
  labels?: Labels;
  image?: string;
  /** Default runc by `io.containerd.runc.v2`. */
  runtime?: { name?: string; options?: RuncOptions };
  spec: object;
  snapshotter?: string;
  snapshotKey?: string;
  /** Opaque to the daemon and of any size, unlike labels. */
  extensions?: Record<string, AnyValue>;
}

/** What may change after creation; runtime and snapshotter may not. */
export type ContainerUpdate = Pick<NewContainer, 'id'> &
  Partial<Pick<NewContainer, 'labels' | 'image' | 'spec' | 'snapshotKey' | 'extensions'>>;

export type Containers = ReturnType<typeof containersOn>;

export function containersOn(connection: Connection) {
  return {
    async get(id: string, options?: CallOptions): Promise<Container> {
      const { container } = await connection.unary(methods.Get, { id }, options);
      return toContainer(container);
    },
    /** Filters such as `labels."owner"==berth`: a comma is AND, several filters are OR. */
    async list(filters: string[] = [], options?: CallOptions): Promise<Container[]> {
      const messages = await connection.collect(methods.ListStream, { filters }, options);
      return messages.map(({ container }) => toContainer(container));
    },
    async create(container: NewContainer, options?: CallOptions): Promise<Container> {
      const response = await connection.unary(methods.Create, { container: toWireContainer(container) }, options);
      return toContainer(response.container);
    },
    /** Paths: `labels`, `labels.<key>`, `image`, `spec`, `snapshotkey`, `extensions`, `extensions.<key>`. */
    async update(container: ContainerUpdate, paths: string[], options?: CallOptions): Promise<Container> {
      const request = { container: toWireUpdate(container), updateMask: { paths } };
      const response = await connection.unary(methods.Update, request, options);
      return toContainer(response.container);
    },
    /** Succeeds even while the container's task runs, which then can no longer be deleted: delete the task first. */
    async delete(id: string, options?: CallOptions): Promise<void> {
      await connection.unary(methods.Delete, { id }, options);
    },
  };
}

function toWireContainer({ runtime = {}, snapshotter, ...rest }: NewContainer): WireContainer {
  const { name = 'io.containerd.runc.v2', options } = runtime;
  return {
    ...toWireUpdate(rest),
    snapshotter,
    runtime: { name, ...(options && { options: toWireAny(runcOptionsAny(options)) }) },
  };
}

function toWireUpdate({ id, labels, image, spec, snapshotKey, extensions = {} }: ContainerUpdate): WireContainer {
  return {
    id,
    labels,
    image,
    snapshotKey,
    ...(spec && { spec: toWireAny(jsonAny(specTypeUrl, spec)) }),
    extensions: mapValues(extensions, toWireAny),
  };
}

function toContainer(wire: Container__Output | null): Container {
  const { id, labels, image, runtime, spec, snapshotter, snapshotKey, extensions, createdAt, updatedAt } =
    present(wire);
  return {
    id,
    labels,
    image,
    runtime: runtime?.name ?? '',
    spec: parseJsonAny(fromWireAny(present(spec))) as object,
    snapshotter,
    snapshotKey,
    extensions: mapValues(extensions, fromWireAny),
    createdAt: toDate(createdAt),
    updatedAt: toDate(updatedAt),
  };
}

function mapValues<A, B>(record: Record<string, A>, convert: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, convert(value)]));
}
