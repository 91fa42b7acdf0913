import type { V1Lease, V1LeaseSpec } from '@kubernetes/client-node';
import { monotonicMs } from '../../base/monotonic.ts';
import { managedBy } from './cluster-labels.ts';
import { timeMs } from './cluster-time.ts';
import type { KubernetesClient } from './kubernetes-client.ts';
import { KubernetesError, notFoundAs } from './kubernetes-error.ts';
import { nameOf, ObjectStore } from './object-store.ts';

/** What is to be written in a Lease. */
export interface LeaseChange {
  /** Undefined: nobody holds it. */
  holder?: string;
  /** When it was taken, in milliseconds since 1970; now unless given. */
  takenMs?: number;
  durationSeconds: number;
  transitions?: number;
  annotations?: Record<string, string>;
}

/** The Leases of berths, as a watch tells them and as our own changes have left them; and since when nobody has renewed each. */
export class LeaseBoard {
  readonly store = new ObjectStore<V1Lease>();
  readonly namespace: string;
  readonly #client: KubernetesClient;
  readonly #seen = new Map<string, { spec: string; atMs: number }>();

  constructor(client: KubernetesClient, namespace: string) {
    this.#client = client;
    this.namespace = namespace;
    this.store.onChange(({ group, now }) => {
      const spec = JSON.stringify(now?.spec);
      if (!now) this.#seen.delete(group);
      else if (this.#seen.get(group)?.spec !== spec) this.#seen.set(group, { spec, atMs: monotonicMs() });
    });
  }

  /** Says for how long we have seen no renewal, in milliseconds: by no clock but our own. */
  unchangedMs(name: string): number {
    return monotonicMs() - (this.#seen.get(name)?.atMs ?? monotonicMs());
  }

  /**
   * Writes a Lease in the place of the one that is known, or a new one.
   * @returns whether it was written; false where somebody else was first, and then what they wrote is known
   * @throws KubernetesError
   */
  async write(name: string, change: LeaseChange, known = this.store.get(name)): Promise<boolean> {
    const body = this.#leaseOf(name, change, known);
    const { namespace } = this;
    const api = this.#client.coordination;
    return this.#wasFirst(name, () =>
      known
        ? this.#client.call('replace Lease', () => api.replaceNamespacedLease({ name, namespace, body }))
        : this.#client.call('create Lease', () => api.createNamespacedLease({ namespace, body })),
    );
  }

  async #wasFirst(name: string, write: () => Promise<V1Lease>): Promise<boolean> {
    try {
      this.store.put(await write());
      return true;
    } catch (error) {
      if (!(error instanceof KubernetesError) || !(error.isConflict || error.isAlreadyExists || error.isNotFound))
        throw error;
      await this.read(name);
      return false;
    }
  }

  /**
   * Changes annotations of a Lease alone, which is no renewal of it.
   * @returns as `write` does
   * @throws KubernetesError
   */
  async annotate(name: string, annotations: Record<string, string>, known: V1Lease | undefined): Promise<boolean> {
    const { resourceVersion } = known?.metadata ?? {};
    if (resourceVersion === undefined) return this.write(name, { durationSeconds: 1, annotations }, known);
    const body = { metadata: { annotations, resourceVersion } };
    const of = { name, namespace: this.namespace, body };
    const ask = () => this.#client.coordination.patchNamespacedLease(of, this.#client.mergePatch);
    return this.#wasFirst(name, () => this.#client.call('patch Lease', ask));
  }

  /** Asks for a Lease as it is now. */
  async read(name: string): Promise<V1Lease | undefined> {
    const { namespace } = this;
    const ask = () => this.#client.coordination.readNamespacedLease({ name, namespace });
    const lease = await this.#client.call('read Lease', ask).catch(notFoundAs(undefined));
    const before = this.store.get(name);
    if (lease) this.store.put(lease);
    else if (before) this.store.forget(before);
    return lease;
  }

  async remove(lease: V1Lease): Promise<void> {
    const of = { name: nameOf(lease), namespace: this.namespace };
    const ask = () => this.#client.coordination.deleteNamespacedLease(of);
    await this.#client.call('delete Lease', ask).catch(notFoundAs(undefined));
    this.store.forget(lease);
  }

  /** Made anew, as the client cannot send the dates that its watch gives. */
  #leaseOf(name: string, change: LeaseChange, known: V1Lease | undefined): V1Lease {
    const { holder, takenMs, durationSeconds, transitions, annotations } = change;
    const spec: V1LeaseSpec = {
      ...(holder !== undefined && { holderIdentity: holder }),
      acquireTime: this.#client.microTime(takenMs),
      renewTime: this.#client.microTime(),
      leaseDurationSeconds: durationSeconds,
      ...(transitions !== undefined && { leaseTransitions: transitions }),
    };
    const { resourceVersion } = known?.metadata ?? {};
    const metadata = {
      name,
      namespace: this.namespace,
      labels: { [managedBy.key]: managedBy.value },
      annotations: { ...known?.metadata?.annotations, ...annotations },
      ...(resourceVersion !== undefined && { resourceVersion }),
    };
    return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec };
  }
}

/** When a Lease was taken, in milliseconds since 1970; undefined where it says nothing of it. */
export function takenMsOf({ spec }: V1Lease): number | undefined {
  const ms = timeMs(spec?.acquireTime);
  return Number.isNaN(ms) ? undefined : ms;
}
