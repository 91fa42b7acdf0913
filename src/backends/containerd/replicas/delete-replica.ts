import { tryEach } from '../../../base/try-each.ts';
import { notFoundAs } from '../../../containerd/index.ts';
import { removeContainer, removeSnapshot } from './create-replica.ts';
import type { Host, ReplicaName } from './host.ts';
import { removeHostFiles } from './host-files.ts';
import { stopTask } from './stop-task.ts';

/**
 * Deletes everything that a replica has, the container record last: until then it is found again and this is repeated.
 * containerd would delete the record under a live task and orphan it for ever, hence the look at the task first.
 */
export async function deleteReplica(host: Host, replica: ReplicaName): Promise<void> {
  const { id, namespace } = replica;
  const client = host.containerd.namespace(namespace);
  await stopTask(host, replica);
  host.at('delete.logs');
  await host.logs.tails.finish(replica);
  host.at('delete.outside');
  await removeOutsideParts(host, id);
  host.at('delete.snapshot');
  // It may have been made when another snapshotter was set.
  const record = await client.containers.get(id).catch(notFoundAs(undefined));
  if (record) await removeSnapshot(client, { snapshotter: record.snapshotter, key: record.snapshotKey });
  host.at('delete.container');
  await removeContainer(client, id);
  host.at('deleted');
}

/** Removes what a replica has outside containerd. */
export async function removeOutsideParts(host: Host, id: string): Promise<void> {
  const parts = [() => host.network.detach(id), () => host.replicaSecrets.remove(id), () => removeHostFiles(host, id)];
  await tryEach(parts, (remove) => remove());
}
