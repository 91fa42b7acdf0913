import type { NamespacedClient, SnapshotUsage } from '../../../containerd/index.ts';

/** Counts what a replica has written, or copied to write it, into its root file system. */
export async function diskUsage({ containers, snapshots }: NamespacedClient, id: string): Promise<SnapshotUsage> {
  const { snapshotter, snapshotKey: key } = await containers.get(id);
  const whole = await snapshots.usage({ snapshotter, key });
  if (snapshotter !== 'native') return whole;
  // This one copies the image into each replica; the copy is of its parent, and has its parents in it.
  const { parent } = await snapshots.stat({ snapshotter, key });
  const image = parent === '' ? { bytes: 0, inodes: 0 } : await snapshots.usage({ snapshotter, key: parent });
  return { bytes: whole.bytes - image.bytes, inodes: whole.inodes - image.inodes };
}
