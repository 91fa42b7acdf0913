import type { Connection } from './connection.ts';
import { containersOn } from './container-service.ts';
import { contentOn } from './content-service.ts';
import { diffOn } from './diff-service.ts';
import { execsOn } from './exec-service.ts';
import { imagesOn } from './image-service.ts';
import { leasesOn } from './lease-service.ts';
import { snapshotsOn } from './snapshot-service.ts';
import { tasksOn } from './task-service.ts';

/** A client for what lives in one containerd namespace. The namespace need not exist: the first write makes it. */
export type NamespacedClient = ReturnType<typeof servicesOn> & {
  readonly name: string;
  /** Gives a client whose calls put what they create into the lease, and fail with `isNotFound` once it is gone. */
  withLease(id: string): NamespacedClient;
};

export function namespacedClient(connection: Connection, name: string, leaseId?: string): NamespacedClient {
  const services = servicesOn(connection.within({ namespace: name, leaseId }));
  return { ...services, name, withLease: (id) => namespacedClient(connection, name, id) };
}

function servicesOn(connection: Connection) {
  return {
    containers: containersOn(connection),
    content: contentOn(connection),
    images: imagesOn(connection),
    snapshots: snapshotsOn(connection),
    diff: diffOn(connection),
    leases: leasesOn(connection),
    tasks: tasksOn(connection),
    execs: execsOn(connection),
  };
}
