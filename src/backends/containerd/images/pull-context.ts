import type { NamespacedClient } from '../../../containerd/index.ts';
import type { Log } from '../../../base/log.ts';
import type { Platform, Reference, RegistryClient } from '../../../registry/index.ts';
import type { InOrder } from '../../../base/in-order.ts';
import type { PullMeter } from './pull-meter.ts';

/** Where the parts of an image come from that containerd does not have. */
export type ImageSource = Pick<RegistryClient, 'fetchManifest' | 'fetchBlob' | 'openBlob'>;

/** All that the steps of one pull share. */
export interface PullContext {
  /** The client that writes into the pull's lease. */
  client: NamespacedClient;
  leaseId: string;
  registry: ImageSource;
  reference: Reference;
  platform: Platform;
  snapshotter: string;
  locks: PullLocks;
  /** Layers that may not be on the disk yet, by namespace and chain id, each with the folder that its files are in. */
  unflushed: Map<string, string>;
  progress: PullMeter;
  signal?: AbortSignal;
  log: Log;
}

/** Locks by which pulls that share layers share the work. */
export interface PullLocks {
  /** Locks by digest: containerd shares blobs between namespaces. */
  blobs: InOrder;
  /** Locks by namespace and chain id: containerd does not share snapshots. */
  snapshots: InOrder;
}
