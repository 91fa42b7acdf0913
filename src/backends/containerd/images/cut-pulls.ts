import { readFile } from 'node:fs/promises';
import {
  isFailedPrecondition,
  type Labels,
  type LeaseResource,
  type NamespacedClient,
  notFoundAs,
  type SnapshotKey,
} from '../../../containerd/index.ts';
import { digestOf } from '../../../registry/index.ts';

const prefix = 'berth-pull-';
const hashLength = 32;
/** Of the boot's id, so that the lease's is not too long for containerd. */
const bootLength = 16;
const leaseLifeMs = 24 * 60 * 60_000;
const leaseReuseMs = leaseLifeMs / 2;
const pullLabel = 'com.openfaas.berth.pull';

/** Identifies the time from a boot of this host to its next. */
export async function thisBoot(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}

/**
 * Makes the lease that keeps what a pull writes until the image record does. After a failure it stays, so that the next try
 * goes on where this one stopped, even in another process; containerd drops it after a day.
 */
export function pullLease(client: NamespacedClient, image: string, boot: string): Promise<string> {
  return leaseOf(client, idFor(`${prefix}${digestOf(image).slice('sha256:'.length)}`, boot));
}

async function leaseOf({ leases }: NamespacedClient, id: string): Promise<string> {
  const [left] = await leases.list([`id==${id}`]);
  if (left?.createdAt && Date.now() - left.createdAt.getTime() < leaseReuseMs) return id;
  if (left) await leases.delete(id);
  await leases.create({ id, expiresAt: new Date(Date.now() + leaseLifeMs) });
  return id;
}

/** Labels of a layer that a pull has unpacked, and that is on the disk for certain once the pull's lease is gone. */
export function unpackedBy(leaseId: string): Labels {
  return { [pullLabel]: leaseId };
}

/**
 * Takes away the layers of pulls that ended with an earlier boot: containerd knows them, and a power cut may have left their
 * files empty. What those pulls have downloaded is on the disk, and kept for the next try.
 */
export async function removeCutPulls(client: NamespacedClient, boot: string): Promise<void> {
  const { leases } = client;
  for (const { id } of await leases.list()) {
    if (!id.startsWith(prefix) || id === idFor(id, boot)) continue;
    const resources = await leases.listResources(id);
    const downloads = resources.filter(({ type }) => type === 'content' || type === 'ingests');
    const next = await leaseOf(client, idFor(id, boot));
    for (const download of downloads) await leases.addResource(next, download);
    await removeLayers(client, id, resources);
    await leases.delete(id);
  }
}

function idFor(id: string, boot: string): string {
  return `${id.slice(0, prefix.length + hashLength)}-${boot.replaceAll('-', '').slice(0, bootLength)}`;
}

/** From the top down: what has a layer of somebody else's on it, who then has put all on the disk, stays. */
async function removeLayers(
  { snapshots }: NamespacedClient,
  leaseId: string,
  resources: LeaseResource[],
): Promise<void> {
  let left: SnapshotKey[] = [];
  for (const { id: key, type } of resources) {
    const [kind, snapshotter = ''] = type.split('/');
    if (kind !== 'snapshots') continue;
    const info = await snapshots.stat({ snapshotter, key }).catch(notFoundAs(undefined));
    if (info?.labels[pullLabel] === leaseId) left.push({ snapshotter, key });
  }
  const removed = (key: SnapshotKey) =>
    snapshots.remove(key).then(
      () => true,
      (error: unknown) => {
        if (isFailedPrecondition(error)) return false;
        return notFoundAs(true)(error);
      },
    );
  for (let before = Infinity; left.length < before;) {
    before = left.length;
    const outcomes = await Promise.all(left.map(removed));
    left = left.filter((_, i) => !outcomes[i]);
  }
}
