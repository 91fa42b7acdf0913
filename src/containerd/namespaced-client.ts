import type { Connection } from './connection.ts';
import { containersOn, type ContainerService } from './container-service.ts';
import { contentOn, type ContentService } from './content-service.ts';
import { diffOn, type DiffService } from './diff-service.ts';
import { imagesOn, type ImageService } from './image-service.ts';
import { leasesOn, type LeaseService } from './lease-service.ts';
import { snapshotsOn, type SnapshotService } from './snapshot-service.ts';
import { tasksOn, type TaskService } from './task-service.ts';

/** A client for what lives in one containerd namespace. The namespace need not exist: the first write makes it. */
export class NamespacedClient {
  readonly name: string;
  readonly containers: ContainerService;
  readonly content: ContentService;
  readonly images: ImageService;
  readonly snapshots: SnapshotService;
  readonly diff: DiffService;
  readonly leases: LeaseService;
  readonly tasks: TaskService;
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

  /**
   * Gives the same client, but whose calls put what they create into the lease, and fail with `isNotFound` once it is
   * gone.
   */
  withLease(id: string): NamespacedClient {
    return new NamespacedClient(this.#connection, this.name, id);
  }
}
