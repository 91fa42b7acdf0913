import { fromWireAny, jsonAny, type AnyValue, parseJsonAny, specTypeUrl, toWireAny } from './any.ts';
import type { RpcOptions, Connection } from './connection.ts';
import type { Container__Output } from './generated/containerd/services/containers/v1/Container.ts';
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
  createdAt?: Date;
}

/** A container record to create; runc, or a program like it, runs its task. */
export interface NewContainer {
  /** Letters and digits with single `.`, `_` or `-` between them, at most 76 characters. */
  id: string;
  labels?: Labels;
  image?: string;
  spec: object;
  /** Name or path of the program that containerd's shim runs for the task; `runc` unless given. */
  ociRuntime?: string;
  snapshotter?: string;
  snapshotKey?: string;
}

const shim = 'io.containerd.runc.v2';

/** Encodes containerd.runc.v1.Options with its field 6 alone, binary_name. */
function shimOptions(ociRuntime: string): AnyValue {
  const name = Buffer.from(ociRuntime);
  return { typeUrl: 'containerd.runc.v1.Options', value: Buffer.concat([Buffer.from([0x32, name.length]), name]) };
}

/** Makes the calls on container records. */
export function containersOn(connection: Connection) {
  return {
    /** @throws ContainerdError for which `isNotFound` is true when there is none of this id */
    async get(id: string, options?: RpcOptions): Promise<Container> {
      const { container } = await connection.unary(methods.Get, { id }, options);
      return toContainer(container);
    },
    /** Lists those that match filters such as `labels."owner"==berth`: a comma is AND, several filters are OR. */
    async list(filters: string[] = [], options?: RpcOptions): Promise<Container[]> {
      const messages = await connection.collect(methods.ListStream, { filters }, options);
      return messages.map(({ container }) => toContainer(container));
    },
    /** @throws ContainerdError for which `isAlreadyExists` is true when the id is taken */
    async create({ spec, ociRuntime, ...container }: NewContainer, options?: RpcOptions): Promise<Container> {
      const runtime = { name: shim, options: ociRuntime ? toWireAny(shimOptions(ociRuntime)) : undefined };
      const wire = { ...container, spec: toWireAny(jsonAny(specTypeUrl, spec)), runtime };
      const response = await connection.unary(methods.Create, { container: wire }, options);
      return toContainer(response.container);
    },
    /** Succeeds even while the container's task runs, which then can no longer be deleted: delete the task first. */
    async delete(id: string, options?: RpcOptions): Promise<void> {
      await connection.unary(methods.Delete, { id }, options);
    },
  };
}

function toContainer(wire: Container__Output | null): Container {
  const { id, labels, image, runtime, spec, snapshotter, snapshotKey, createdAt } = present(wire);
  return {
    id,
    labels,
    image,
    runtime: runtime?.name ?? '',
    // Read when asked for: one record that others made with another spec, or none, is not to spoil a whole list.
    get spec() {
      return parseJsonAny(fromWireAny(present(spec))) as object;
    },
    snapshotter,
    snapshotKey,
    createdAt: toDate(createdAt),
  };
}
