import type { Mount } from '../../../containerd/index.ts';
import type { Host, ReplicaName } from './host.ts';

/** What a replica's tasks are made of, which never changes. */
export interface ReplicaRoot {
  rootfs: Mount[];
  /** Whom the function runs as. */
  user: { uid: number; gid: number };
}

/** Asks containerd what a replica's tasks are to be made of. */
export async function findRoot(host: Host, { id, namespace }: ReplicaName): Promise<ReplicaRoot> {
  const { containers, snapshots } = host.containerd.namespace(namespace);
  const { snapshotter, snapshotKey: key, spec } = await containers.get(id);
  return { rootfs: await snapshots.mounts({ snapshotter, key }), user: userOf(spec) };
}

/** Returns whom the function runs as, from the spec that we made. */
function userOf(spec: unknown): ReplicaRoot['user'] {
  const { process } = spec as { process: { user: ReplicaRoot['user'] } };
  const { uid, gid } = process.user;
  return { uid, gid };
}
