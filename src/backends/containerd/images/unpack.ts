import { randomBytes } from 'node:crypto';
import { isAlreadyExists, type Labels, notFoundAs, type Mount } from '../../../containerd/index.ts';
import { type Descriptor, RegistryError } from '../../../registry/index.ts';
import { run } from '../host-command.ts';
import { unpackedBy } from './cut-pulls.ts';
import type { PullContext } from './pull-context.ts';

export interface Layer {
  descriptor: Descriptor;
  diffId: string;
  chainId: string;
  /** The chain id of the layers below; empty for the lowest layer. */
  parent: string;
}

const maxPrepareTries = 3;
/** How long layers may take to reach the disk: large ones on an SD card take minutes. */
const flushMs = 30 * 60_000;

/** Whether a layer is unpacked already; if so, it is in this pull's lease from now on. */
export async function isUnpacked({ client, leaseId, snapshotter }: PullContext, chainId: string): Promise<boolean> {
  const look = () => client.snapshots.stat({ snapshotter, key: chainId }).then(() => true, notFoundAs(false));
  if (!(await look())) return false;
  await client.leases.addResource(leaseId, { id: chainId, type: `snapshots/${snapshotter}` });
  // The garbage collector may have come between.
  return look();
}

/**
 * Makes a committed snapshot of a layer whose blob is in containerd and whose parents are unpacked.
 * @returns the folder that the layer's files are in; undefined where another client has unpacked it meanwhile
 */
export async function unpackLayer(pull: PullContext, layer: Layer): Promise<string | undefined> {
  for (let tries = 1; tries <= maxPrepareTries; tries++) {
    const key = `extract-${process.hrtime.bigint()}-${randomBytes(3).toString('base64url')} ${layer.chainId}`;
    const mounts = await prepare(pull, layer, key);
    if (mounts) return extract(pull, layer, key, mounts);
    if (await isUnpacked(pull, layer.chainId)) return undefined;
  }
  const { name } = pull.reference;
  throw new RegistryError('corrupt', `cannot prepare a snapshot for layer ${layer.descriptor.digest} of ${name}`);
}

/** Prepares a snapshot to unpack into; undefined when containerd knows its chain id or its key already. */
async function prepare(pull: PullContext, layer: Layer, key: string): Promise<Mount[] | undefined> {
  const { client, snapshotter, signal } = pull;
  const { parent } = layer;
  try {
    return await client.snapshots.prepare(
      { snapshotter, key, parent, labels: snapshotLabels(pull, layer) },
      { signal },
    );
  } catch (error) {
    if (isAlreadyExists(error)) return undefined;
    throw error;
  }
}

async function extract(pull: PullContext, layer: Layer, key: string, mounts: Mount[]): Promise<string | undefined> {
  const { client, snapshotter, signal } = pull;
  const { digest, size } = layer.descriptor;
  const diff = { mediaType: mediaTypeToApply(layer.descriptor), digest, size };
  try {
    const folder = folderOf(mounts);
    const applied = await client.diff.apply({ diff, mounts }, { signal });
    if (applied.digest !== layer.diffId) {
      const message = `layer ${digest} of ${pull.reference.name} unpacks to ${applied.digest}, its config says ${layer.diffId}`;
      throw new RegistryError('corrupt', `${message}: build the image again`);
    }
    const labels = { 'containerd.io/uncompressed': layer.diffId };
    await Promise.all([
      client.content.update({ digest, labels }, ['labels.containerd.io/uncompressed']),
      client.snapshots.commit({ snapshotter, key, name: layer.chainId, labels: snapshotLabels(pull, layer) }),
    ]);
    return folder;
  } catch (error) {
    await removeSnapshot(pull, key);
    // Another client has unpacked the same layer in the meantime.
    if (!isAlreadyExists(error)) throw error;
    return undefined;
  }
}

/**
 * Puts unpacked layers on the disk, all that were unpacked before: containerd writes that it has a layer down for good, and
 * not the layer's files, which a power cut would leave empty for ever. It has a setting of its own for this (sync_fs), since
 * 1.7 only.
 */
export async function flush(folder: string): Promise<void> {
  await run('sync', ['--file-system', folder], { timeoutMs: flushMs });
}

function folderOf(mounts: Mount[]): string {
  const [folder] = mounts.flatMap(({ type, source, options }) => (type === 'bind' ? source : upperFolder(options)));
  if (folder === undefined) throw new Error('a snapshot to unpack into has no folder of its own: use overlayfs');
  return folder;
}

function upperFolder(options: string[]): string[] {
  const prefix = 'upperdir=';
  return options.filter((option) => option.startsWith(prefix)).map((option) => option.slice(prefix.length));
}

/** Returns the media type to apply a layer by: containerd before 2.0 knows zstd layers under OCI's name only. */
function mediaTypeToApply({ mediaType }: Descriptor): string {
  const isDockerZstd = mediaType === 'application/vnd.docker.image.rootfs.diff.tar.zstd';
  return isDockerZstd ? 'application/vnd.oci.image.layer.v1.tar+zstd' : mediaType;
}

async function removeSnapshot({ client, snapshotter, log }: PullContext, key: string): Promise<void> {
  const removed = client.snapshots.remove({ snapshotter, key }).catch(notFoundAs(undefined));
  // The lease's end takes it away too; what went wrong before is what the caller should see.
  await removed.catch((error: unknown) => log.warn('cannot remove a half unpacked layer', { snapshot: key, error }));
}

function snapshotLabels({ leaseId }: PullContext, { chainId, descriptor }: Layer): Labels {
  const inherited = Object.entries(descriptor.annotations ?? {}).filter(([key]) =>
    key.startsWith('containerd.io/snapshot/'),
  );
  return { ...Object.fromEntries(inherited), ...unpackedBy(leaseId), 'containerd.io/snapshot.ref': chainId };
}
