import { withTimeout, type RpcOptions, type Connection } from './connection.ts';
import type { Lease__Output } from './generated/containerd/services/leases/v1/Lease.ts';
import { leases as methods } from './protos.ts';
import { toDate } from './timestamps.ts';
import { present, type Labels } from './wire-types.ts';

/** A hold on content and snapshots, which keeps them from the garbage collector. */
export interface Lease {
  id: string;
  labels: Labels;
  createdAt?: Date;
}

/** What a lease can hold. */
export interface LeaseResource {
  /** A digest, a snapshot key or an ingest's ref. */
  id: string;
  /** `content`, `ingests` or `snapshots/<snapshotter>`. */
  type: string;
}

export interface NewLease {
  /** Default: the daemon makes one. */
  id?: string;
  labels?: Labels;
  /** After this the garbage collector may take the lease, should nobody delete it. */
  expiresAt?: Date;
}

const expireLabel = 'containerd.io/gc.expire';
const collectionTimeoutMs = 60_000;

/** Makes the calls on leases. */
export function leasesOn(connection: Connection) {
  return {
    async create({ id = '', labels = {}, expiresAt }: NewLease = {}, options?: RpcOptions): Promise<Lease> {
      const request = { id, labels: { ...labels, ...(expiresAt && { [expireLabel]: expiresAt.toISOString() }) } };
      const { lease } = await connection.unary(methods.Create, request, options);
      return toLease(present(lease));
    },
    /** Ends the lease. With `sync` it answers once what the lease alone kept has been collected. */
    async delete(id: string, { sync = false, ...options }: RpcOptions & { sync?: boolean } = {}): Promise<void> {
      await connection.unary(methods.Delete, { id, sync }, withTimeout(options, collectionTimeoutMs));
    },
    async list(filters: string[] = [], options?: RpcOptions): Promise<Lease[]> {
      const { leases } = await connection.unary(methods.List, { filters }, options);
      return leases.map(toLease);
    },
    /** Lists what the lease holds. */
    async listResources(id: string, options?: RpcOptions): Promise<LeaseResource[]> {
      return (await connection.unary(methods.ListResources, { id }, options)).resources;
    },
    /** Puts a blob, a snapshot or an unfinished blob into the lease. */
    async addResource(id: string, resource: LeaseResource, options?: RpcOptions): Promise<void> {
      await connection.unary(methods.AddResource, { id, resource }, options);
    },
  };
}

function toLease({ id, labels, createdAt }: Lease__Output): Lease {
  return { id, labels, createdAt: toDate(createdAt) };
}
