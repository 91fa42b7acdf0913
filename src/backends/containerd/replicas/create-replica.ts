import {
  isInvalidArgument,
  isNotFound,
  notFoundAs,
  type Container,
  type Mount,
  type NamespacedClient,
  type SnapshotKey,
} from '../../../containerd/index.ts';
import { allEnded } from '../../../base/all-ended.ts';
import { diskFullOf } from '../../../base/disk-full.ts';
import { describeError } from '../../../base/log.ts';
import { resourcesOf } from '../../../provider/index.ts';
import { is32Bit } from '../../../registry/index.ts';
import type { Generation } from '../desired/record.ts';
import type { UnpackedImage } from '../images/index.ts';
import { buildSpec, prepareWritableFolders, resolveUser, type OciSpec } from '../runtime-spec/index.ts';
import type { Host, ReplicaName } from './host.ts';
import { functionLabel, generationLabel, leaseLabel, leaseOf } from './labels.ts';
import { hostFilesOf } from './host-files.ts';
import { stopSignalLabel } from './stop-signal.ts';
import type { ReplicaRoot } from './replica-root.ts';

/** Long enough for a step of the clock; what a crash leaves, the sweep deletes. */
const leaseMs = 24 * 60 * 60_000;

/** What was made of a replica. */
export interface MadeReplica {
  container: Container;
  root: ReplicaRoot;
  /** Resolves when what held it while it was made holds it no more. Never rejects: the sweep makes up for it. */
  released: Promise<void>;
}

/**
 * Makes the snapshot and the container record of a new replica. The record comes before anything else outside containerd
 * but an attachment, so that whatever a crash leaves behind has an owner to be found by; the lease keeps the snapshot until
 * the record holds it.
 */
export async function createReplica(
  host: Host,
  { id, name, namespace }: ReplicaName,
  generation: Generation,
  image: UnpackedImage,
): Promise<MadeReplica> {
  const client = host.containerd.namespace(namespace);
  const snapshotter = await host.storage.snapshotter();
  const snapshot = { snapshotter, key: id };
  host.at('create.lease');
  const newLease = {
    id: leaseOf(id),
    labels: { [leaseLabel]: 'replica' },
    expiresAt: new Date(Date.now() + leaseMs),
  };
  const lease = await host.timed('lease', () => client.leases.create(newLease));
  const leased = client.withLease(lease.id);
  const release = () => host.timed('unlease', () => client.leases.delete(lease.id));
  try {
    host.at('create.snapshot');
    const rootfs = await host
      .timed('snapshot', () => leased.snapshots.prepare({ ...snapshot, parent: image.chainId }))
      .catch(diskFullOf('containerd'));
    const spec = await host
      .timed('spec', () => specOf(host, id, generation, image, rootfs))
      .catch(diskFullOf('containerd'));
    host.at('create.container');
    const labels = {
      [functionLabel]: name,
      [generationLabel]: generation.id,
      ...stopSignalLabel(image.config.config?.StopSignal),
    };
    // Without it the shim takes runc.
    const ociRuntime = host.ociRuntime === 'runc' ? undefined : host.ociRuntime;
    const record = { id, labels, image: image.name, spec, ociRuntime, snapshotter, snapshotKey: id };
    const [container] = await allEnded([
      host.timed('container', () => leased.containers.create(record)),
      host.timed('program', () => host.programs.check(image.chainId, rootfs, spec.process)),
    ]);
    const released = release().catch((error: unknown) => {
      host.log.debug('could not delete a lease', { replica: id, error: describeError(error) });
    });
    return { container, root: { rootfs, user: spec.process.user }, released };
  } catch (error) {
    // It may be there, with only the answer lost; without its snapshot it could never be started.
    await removeContainer(client, id);
    await removeSnapshot(client, snapshot);
    await release();
    throw error;
  }
}

async function specOf(
  host: Host,
  id: string,
  { deployment }: Generation,
  image: UnpackedImage,
  rootfs: Mount[],
): Promise<OciSpec> {
  const imageConfig = image.config.config ?? {};
  const resources = resourcesOf(deployment);
  if (resources.memoryLimitBytes && !host.features.memoryController) {
    host.log.warn('memory limits have no effect: the kernel has its memory cgroup off', { function: deployment.name });
  }
  return buildSpec({
    deployment,
    namespace: deployment.namespace,
    replicaId: id,
    imageConfig,
    user: await resolveUser(rootfs, imageConfig.User ?? ''),
    netnsPath: host.network.netnsPath(id),
    hostFiles: hostFilesOf(host, id),
    secretsDir: deployment.secrets?.length ? host.replicaSecrets.path(id) : undefined,
    writableFolders: deployment.readOnlyRootFilesystem
      ? await prepareWritableFolders(rootfs, Object.keys(imageConfig.Volumes ?? {}))
      : [],
    resources,
    host: host.features,
    is32Bit: is32Bit(image.platform),
  });
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
