import type { CallOptions, Connection } from './call.ts';
import { namespaces as methods } from './protos.ts';
import { present } from './types.ts';
import type { Labels } from './types.ts';

export interface Namespace {
  name: string;
  labels: Labels;
}

export type Namespaces = ReturnType<typeof namespacesOn>;

export function namespacesOn(connection: Connection) {
  return {
    async get(name: string, options?: CallOptions): Promise<Namespace> {
      const { namespace } = await connection.unary(methods.Get, { name }, options);
      return present(namespace);
    },
    async list(options?: CallOptions): Promise<Namespace[]> {
      const { namespaces } = await connection.unary(methods.List, {}, options);
      return namespaces;
    },
    async create(namespace: { name: string; labels?: Labels }, options?: CallOptions): Promise<Namespace> {
      const response = await connection.unary(methods.Create, { namespace }, options);
      return present(response.namespace);
    },
    /** Without paths the labels are replaced; with paths such as `labels.owner` only those change ("" removes one). */
    async update(namespace: Namespace, paths: string[] = [], options?: CallOptions): Promise<Namespace> {
      const response = await connection.unary(methods.Update, { namespace, updateMask: { paths } }, options);
      return present(response.namespace);
    },
    /** Throws `isFailedPrecondition` while the namespace holds images, containers, snapshots or content. */
    async delete(name: string, options?: CallOptions): Promise<void> {
      await connection.unary(methods.Delete, { name }, options);
    },
  };
}
