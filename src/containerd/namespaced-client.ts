import type { Connection } from './call.ts';
import { containersOn, type Containers } from './container-service.ts';
import { contentOn, type Content } from './content-service.ts';
import { diffOn, type Diff } from './diff-service.ts';
import { imagesOn, type Images } from './image-service.ts';
import { leasesOn, type Leases } from './lease-service.ts';
import { snapshotsOn, type Snapshots } from './snapshot-service.ts';
import { tasksOn, type Tasks } from './task-service.ts';

/** What lives in one containerd namespace. The namespace need not exist: the first write makes it. */
export class NamespacedClient {
  readonly name: string;
  readonly containers: Containers;
  readonly content: Content;
  readonly images: Images;
  readonly snapshots: Snapshots;
  readonly diff: Diff;
  readonly leases: Leases;
  readonly tasks: Tasks;
  readonly #connection: Connection;

  constructor(connection: Connection, name: string, leaseId?: string) {
    this.name = name;
    this.#connection = connection;
    const scoped = connection.within({ namespace: name, leaseId });
    this.containers = containersOn(scoped);
    this.content = contentOn(scoped);
    this.images = imagesOn(scoped);
    this.snapshots = snapshotsOn(scoped);
    this.diff = diffOn(scoped);
    this.leases = leasesOn(scoped);
    this.tasks = tasksOn(scoped);
  }

  /** The same client whose calls put what they create into the lease; each throws `isNotFound` once the lease is gone. */
  withLease(id: string): NamespacedClient {
    return new NamespacedClient(this.#connection, this.name, id);
  }
}
