import { isNotFound } from '../../containerd/index.ts';
import { removeSnapshot } from './create-replica.ts';
import type { Host, ReplicaName } from './host.ts';
import { removeHostFiles } from './host-files.ts';
import { stopTask } from './stop-task.ts';

/**
 * Everything that a replica has, the container record last: until then it is found again and this is repeated.
 * containerd would delete the record under a live task and orphan it for ever, hence the look at the task first.
 */
export async function deleteReplica(host: Host, replica: ReplicaName): Promise<void> {
  const { id, namespace } = replica;
  const client = host.containerd.namespace(namespace);
  await stopTask(host, replica, 0);
  await host.logs.finish(replica);
  await removeOutsideParts(host, id);
  await removeSnapshot(client, host.snapshotter, id);
  try {
    await client.containers.delete(id);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** What a replica has outside containerd. */
export async function removeOutsideParts(host: Host, id: string): Promise<void> {
  await host.network.detach(id);
  await host.replicaSecrets.remove(id);
  await removeHostFiles(host, id);
}
