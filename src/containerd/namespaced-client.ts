import type { Connection } from './call.ts';
import { containersOn } from './containers.ts';
import type { Containers } from './containers.ts';
import { contentOn } from './content.ts';
import type { Content } from './content.ts';
import { diffOn } from './diff.ts';
import type { Diff } from './diff.ts';
import { imagesOn } from './images.ts';
import type { Images } from './images.ts';
import { leasesOn } from './leases.ts';
import type { Leases } from './leases.ts';
import { snapshotsOn } from './snapshots.ts';
import type { Snapshots } from './snapshots.ts';
import { tasksOn } from './tasks.ts';
import type { Tasks } from './tasks.ts';

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
