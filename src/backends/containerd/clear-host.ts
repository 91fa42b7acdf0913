import { readFile, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from '../../base/monotonic.ts';
import { tryEach } from '../../base/try-each.ts';
import { isFailedPrecondition, notFoundAs } from '../../containerd/index.ts';
import { collect } from './collect.ts';
import { openfaasNamespaces } from './namespace-label.ts';
import { deleteReplica, removeOutsideParts } from './replicas/delete-replica.ts';
import type { Host } from './replicas/host.ts';
import { leaseLabel } from './replicas/labels.ts';
import { observeNamespace } from './replicas/observe.ts';

/** How long containerd may take to collect what a namespace had. */
const collectionMs = 30_000;
const pauseMs = 500;

/**
 * Ends all replicas and takes away what berth has on the host beside its files, for uninstalling: what it has in
 * containerd, network namespaces, bridge and rules; with `purge` images and namespaces of functions too. No daemon may
 * run meanwhile. It can be done again after a failure.
 * @throws Error naming all that could not be taken away
 */
export async function clearHost(host: Host, options: { purge: boolean }): Promise<void> {
  const { containerd, network } = host;
  let namespaces: string[] = [];
  const acts = [
    async () => {
      namespaces = await openfaasNamespaces(containerd);
    },
    () => tryEach(namespaces, (namespace) => removeReplicas(host, namespace)),
    async () => tryEach(await network.attachments(), (id) => removeOutsideParts(host, id)),
    () => network.removeHost(),
    () => tryEach(options.purge ? namespaces : [], (namespace) => removeNamespace(host, namespace)),
  ];
  await tryEach(acts, (act) => act());
}

async function removeReplicas(host: Host, namespace: string): Promise<void> {
  const replicas = await observeNamespace(host.containerd, namespace);
  await tryEach(replicas, ({ id, function: fn }) => deleteReplica(host, { id, ...fn }));
  const { leases } = host.containerd.namespace(namespace);
  const ours = (await leases.list()).filter(({ labels }) => leaseLabel in labels);
  await tryEach(ours, ({ id }) => leases.delete(id));
  await removeCgroups(namespace);
}

async function removeNamespace(host: Host, name: string): Promise<void> {
  const { containerd } = host;
  const { images, leases } = containerd.namespace(name);
  const deadlineMs = monotonicMs() + collectionMs;
  await tryEach(await images.list(), (image) => images.delete(image.name).catch(notFoundAs(undefined)));
  await removeFolders(host, name);
  for (;;) {
    await collect(leases);
    try {
      return await containerd.namespaces.delete(name).catch(notFoundAs(undefined));
    } catch (error) {
      if (!isFailedPrecondition(error)) throw error;
      const message = `namespace ${name} of containerd holds what is not berth's: look with ctr -n ${name} containers ls`;
      if (monotonicMs() > deadlineMs) throw new Error(message, { cause: error });
    }
    await sleep(pauseMs);
  }
}

/** Removes the empty folders that containerd and runc leave of a namespace. */
async function removeFolders({ storage }: Host, namespace: string): Promise<void> {
  await storage.look();
  const roots = [...storage.folders.map((folder) => path.dirname(folder)), '/run/containerd'];
  const folders = [...roots.map((root) => path.join(root, 'io.containerd.runtime.v2.task')), '/run/containerd/runc'];
  for (const folder of folders) await rmdir(path.join(folder, namespace)).catch(() => undefined);
}

/** Removes the cgroups that runc leaves above those of replicas. One that is in use stays. */
async function removeCgroups(namespace: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).matchAll(/^(?:\S+ ){4}(\S+) .* - cgroup2? /gm);
  for (const [, mount = ''] of mounts) await rmdir(path.join(mount, namespace)).catch(() => undefined);
}
