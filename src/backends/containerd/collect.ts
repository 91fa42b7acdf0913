import type { NamespacedClient } from '../../containerd/index.ts';
import { leaseLabel } from './replicas/labels.ts';

/**
 * Lets containerd collect what nothing refers to, in all namespaces, now: by itself it overlooks deletions that come
 * while it is collecting.
 * @param leases of any namespace
 */
export async function collect(leases: NamespacedClient['leases']): Promise<void> {
  const { id } = await leases.create({ labels: { [leaseLabel]: 'sweep' }, expiresAt: new Date(Date.now() + 60_000) });
  await leases.delete(id, { sync: true });
}
