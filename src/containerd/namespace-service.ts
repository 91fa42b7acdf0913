import { status } from '@grpc/grpc-js';
import type { RpcOptions, Connection } from './connection.ts';
import { namespaces as methods } from './protos.ts';
import { present, type Labels } from './wire-types.ts';

/** A namespace of containerd, which need not be one of berth's. */
export interface ContainerdNamespace {
  name: string;
  labels: Labels;
}

/** Makes the calls on containerd namespaces. */
export function namespacesOn(connection: Connection) {
  // containerd announces a change in the namespace of the caller, and fails after the deed when there is none.
  const inside = (namespace: string) => connection.within({ namespace });
  return {
    /**
     * Finds a namespace in the list, as containerd's own Get answers for one that is not there.
     * @throws ContainerdError for which `isNotFound` is true when there is none of this name
     */
    async get(name: string, options?: RpcOptions): Promise<ContainerdNamespace> {
      const namespace = (await this.list(options)).find((found) => found.name === name);
      if (!namespace) throw connection.error(methods.List, status.NOT_FOUND, `namespace ${name} not found`);
      return namespace;
    },
    async list(options?: RpcOptions): Promise<ContainerdNamespace[]> {
      const { namespaces } = await connection.unary(methods.List, {}, options);
      return namespaces;
    },
    async create(namespace: { name: string; labels?: Labels }, options?: RpcOptions): Promise<ContainerdNamespace> {
      const response = await inside(namespace.name).unary(methods.Create, { namespace }, options);
      return present(response.namespace);
    },
    /**
     * Replaces the labels of a namespace, which it makes when it is not there. With paths such as `labels.owner` only
     * those change ("" removes one).
     */
    async update(namespace: ContainerdNamespace, paths: string[] = [], options?: RpcOptions): Promise<void> {
      const request = { namespace, updateMask: { paths } };
      await inside(namespace.name).unary(methods.Update, request, options);
    },
    /** @throws ContainerdError for which `isFailedPrecondition` is true while anything is in it */
    async delete(name: string, options?: RpcOptions): Promise<void> {
      await inside(name).unary(methods.Delete, { name }, options);
    },
  };
}
