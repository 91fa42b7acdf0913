import {
  isInvalidArgument,
  isNotFound,
  notFoundAs,
  type NamespacedClient,
  type SnapshotKey,
} from '../../../containerd/index.ts';
import { diskFullOf } from '../../../base/disk-full.ts';
import { resourcesOf } from '../../../provider/index.ts';
import { is32Bit } from '../../../registry/index.ts';
import type { Generation } from '../desired/record.ts';
import type { UnpackedImage } from '../images/index.ts';
import { buildSpec, checkFileCapabilities, prepareWritableFolders, resolveUser } from '../runtime-spec/index.ts';
import type { Host, ReplicaName } from './host.ts';
import { functionLabel, generationLabel, leaseLabel, leaseOf } from './labels.ts';
import { hostFilesOf } from './host-files.ts';
import { stopSignalLabel } from './stop-signal.ts';

/** Long enough for a step of the clock; what a crash leaves, the sweep deletes. */
const leaseMs = 24 * 60 * 60_000;

/**
 * Makes the snapshot and the container record of a new replica. The record comes before anything outside containerd, so
 * that whatever a crash leaves behind has an owner to be found by; the lease keeps the snapshot until the record holds
 * it.
 */
export async function createReplica(
  host: Host,
  { id, name, namespace }: ReplicaName,
  generation: Generation,
  image: UnpackedImage,
): Promise<void> {
  const client = host.containerd.namespace(namespace);
  const snapshotter = await host.storage.snapshotter();
  host.at('create.lease');
  const expiresAt = new Date(Date.now() + leaseMs);
  const lease = await client.leases.create({ id: leaseOf(id), labels: { [leaseLabel]: 'replica' }, expiresAt });
  const leased = client.withLease(lease.id);
  try {
    const snapshot = { snapshotter, key: id };
    const spec = await prepareSpec(host, leased, snapshot, generation, image).catch(diskFullOf('containerd'));
    host.at('create.container');
    await leased.containers.create({
      id,
      labels: {
        [functionLabel]: name,
        [generationLabel]: generation.id,
        ...stopSignalLabel(image.config.config?.StopSignal),
      },
      image: image.name,
      spec,
      snapshotter,
      snapshotKey: id,
    });
  } catch (error) {
    // It may be there, with only the answer lost; without its snapshot it could never be started.
    await removeContainer(client, id);
    await removeSnapshot(client, { snapshotter, key: id });
    throw error;
  } finally {
    await client.leases.delete(lease.id);
  }
}

async function prepareSpec(
  host: Host,
  leased: NamespacedClient,
  snapshot: SnapshotKey,
  generation: Generation,
  image: UnpackedImage,
): Promise<object> {
  const { key: id } = snapshot;
  const { deployment } = generation;
  host.at('create.snapshot');
  const mounts = await leased.snapshots.prepare({ ...snapshot, parent: image.chainId });
  const imageConfig = image.config.config ?? {};
  const resources = resourcesOf(deployment);
  if (resources.memoryLimitBytes && !host.features.memoryController) {
    host.log.warn('memory limits have no effect: the kernel has its memory cgroup off', { function: deployment.name });
  }
  const spec = buildSpec({
    deployment,
    namespace: deployment.namespace,
    replicaId: id,
    imageConfig,
    user: await resolveUser(mounts, imageConfig.User ?? ''),
    netnsPath: host.network.netnsPath(id),
    hostFiles: hostFilesOf(host, id),
    secretsDir: deployment.secrets?.length ? host.replicaSecrets.path(id) : undefined,
    writableFolders: deployment.readOnlyRootFilesystem
      ? await prepareWritableFolders(mounts, Object.keys(imageConfig.Volumes ?? {}))
      : [],
    resources,
    host: host.features,
    is32Bit: is32Bit(image.platform),
  });
  await checkFileCapabilities(mounts, spec.process);
  return spec;
}

export async function removeSnapshot(client: NamespacedClient, snapshot: SnapshotKey): Promise<void> {
  try {
    await client.snapshots.remove(snapshot);
  } catch (error) {
    // containerd's collector may have been faster. And what is of a snapshotter that containerd has no more, nobody can remove.
    if (!isNotFound(error) && !isInvalidArgument(error)) throw error;
  }
}

export function removeContainer(client: NamespacedClient, id: string): Promise<void> {
  return client.containers.delete(id).catch(notFoundAs(undefined));
}
