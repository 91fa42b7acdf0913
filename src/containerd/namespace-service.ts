import { status } from '@grpc/grpc-js';
import type { CallOptions, Connection } from './call.ts';
import { namespaces as methods } from './protos.ts';
import { present, type Labels } from './wire-types.ts';

export interface Namespace {
  name: string;
  labels: Labels;
}

export type Namespaces = ReturnType<typeof namespacesOn>;

export function namespacesOn(connection: Connection) {
  // containerd announces a change in the namespace of the caller, and fails after the deed when there is none.
  const inside = (namespace: string) => connection.within({ namespace });
  return {
    /** By way of the list: containerd's own Get answers for a namespace that is not there. */
    async get(name: string, options?: CallOptions): Promise<Namespace> {
      const namespace = (await this.list(options)).find((found) => found.name === name);
      if (!namespace) throw connection.error(methods.List, status.NOT_FOUND, `namespace ${name} not found`);
      return namespace;
    },
    async list(options?: CallOptions): Promise<Namespace[]> {
      const { namespaces } = await connection.unary(methods.List, {}, options);
      return namespaces;
    },
    async create(namespace: { name: string; labels?: Labels }, options?: CallOptions): Promise<Namespace> {
      const response = await inside(namespace.name).unary(methods.Create, { namespace }, options);
      return present(response.namespace);
    },
    /**
     * Without paths the labels are replaced; with paths such as `labels.owner` only those change ("" removes one).
     * Makes the namespace when it is not there.
     */
    async update(namespace: Namespace, paths: string[] = [], options?: CallOptions): Promise<void> {
      const request = { namespace, updateMask: { paths } };
      await inside(namespace.name).unary(methods.Update, request, options);
    },
    /** Throws `isFailedPrecondition` while the namespace holds images, containers, snapshots or content. */
    async delete(name: string, options?: CallOptions): Promise<void> {
      await inside(name).unary(methods.Delete, { name }, options);
    },
  };
}
