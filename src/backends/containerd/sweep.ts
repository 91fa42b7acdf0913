import { readdir } from 'node:fs/promises';
import { monotonicMs } from '../../base/monotonic.ts';
import { tryEach } from '../../base/try-each.ts';
import { collect } from './collect.ts';
import type { Images } from './images/index.ts';
import type { InUse } from './in-use.ts';
import { attempt } from './keep-trying.ts';
import { openfaasNamespaces } from './namespace-label.ts';
import { removeOutsideParts } from './replicas/delete-replica.ts';
import type { Host } from './replicas/host.ts';
import { leaseLabel, leaseOf } from './replicas/labels.ts';
import { replicaIdsIn } from './replicas/observe.ts';
import { endShim, shimsOf } from './replicas/stray-shims.ts';

export interface SweepOptions {
  host: Host;
  images: Images;
  inUse: InUse;
  /** A namespace of containerd that is always there. */
  defaultNamespace: string;
}

type Act = () => Promise<unknown>;

/** How long `soon` waits for more, as replicas often go several at a time. */
const soonMs = 2000;
/** containerd collects for all its users, who wait meanwhile: for this many times as long as it took it is left alone. */
const restPerCollection = 50;
const longestWaitMs = 5 * 60_000;

/** Takes away what a crash left without an owner, and images that no version needs. */
export class Sweep {
  readonly #parts: SweepOptions;
  readonly #host: Host;
  #timer?: NodeJS.Timeout;
  #restUntilMs = 0;

  constructor(parts: SweepOptions) {
    this.#parts = parts;
    this.#host = parts.host;
  }

  /** Clears away everything that has no owner. Never rejects: what could not be cleared is for the next time. */
  all(): Promise<void> {
    return this.#trying([() => this.#outsideParts(), () => this.#insideParts()]);
  }

  /** Clears away images and layers in a moment, as a replica has gone that may have been the last to need them. */
  soon(): void {
    const waitMs = Math.min(Math.max(soonMs, this.#restUntilMs - monotonicMs()), longestWaitMs);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#trying([() => this.#insideParts()]);
    }, waitMs).unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Removes what is left of a replica that was never made, or whose record somebody deleted. Never rejects. */
  async replica(id: string): Promise<void> {
    const { network } = this.#host;
    await this.#trying([async () => (await network.attachment(id)) && removeOutsideParts(this.#host, id)]);
  }

  /** Removes the images of a namespace that are not in use. Never rejects. */
  images(namespace: string): Promise<void> {
    return this.#trying([() => this.#unusedImages(namespace)]);
  }

  async #trying(acts: Act[]): Promise<void> {
    await attempt(() => inTurn(acts), { parts: this.#host.parts, name: 'sweep' });
  }

  /** Removes what we keep in a namespace without functions; containerd has collected it when this resolves. */
  async namespace(name: string): Promise<void> {
    await this.#unusedImages(name);
    await this.#collect(name);
  }

  async #insideParts(): Promise<void> {
    const namespaces = await openfaasNamespaces(this.#host.containerd);
    await inTurn([
      () => this.#strayShims(namespaces),
      () => tryEach(namespaces, (namespace) => this.#leftLeases(namespace)),
      () => tryEach(namespaces, (namespace) => this.#unusedImages(namespace)),
      () => this.#collect(this.#parts.defaultNamespace),
    ]);
  }

  async #collect(namespace: string): Promise<void> {
    const startMs = monotonicMs();
    await collect(this.#host.containerd.namespace(namespace).leases);
    this.#restUntilMs = monotonicMs() + (monotonicMs() - startMs) * restPerCollection;
  }

  /** Deletes leases of replicas whose making broke off, so that containerd collects their snapshots. */
  async #leftLeases(namespace: string): Promise<void> {
    const { leases } = this.#host.containerd.namespace(namespace);
    const ours = (await leases.list()).filter(({ labels }) => labels[leaseLabel] === 'replica');
    // Asked last: a replica is known before it has a lease.
    const making = new Set(this.#parts.inUse.replicaIds().map(leaseOf));
    const left = ours.filter(({ id }) => !making.has(id));
    await tryEach(left, ({ id }) => leases.delete(id));
  }

  /** Ends shims of containers without a record, in our namespaces: nobody can use what they keep, or end it. */
  async #strayShims(namespaces: string[]): Promise<void> {
    const { containerd, ociRuntime, log } = this.#host;
    const shims = await shimsOf(containerd.address);
    await tryEach(namespaces, async (namespace) => {
      const records = await containerd.namespace(namespace).containers.list();
      const known = new Set([...records.map(({ id }) => id), ...this.#parts.inUse.replicaIds()]);
      const strays = shims.filter((shim) => shim.namespace === namespace && !known.has(shim.id));
      await tryEach(strays, async (shim) => {
        log.warn('ending a task that containerd has lost', { namespace, container: shim.id, pid: shim.pid });
        await endShim(shim, ociRuntime);
      });
    });
  }

  /** Removes what replicas had outside containerd, where their container record is gone. */
  async #outsideParts(): Promise<void> {
    const { network, pool, replicaSecrets, replicaFilesDir, logs } = this.#host;
    await inTurn([
      () => this.#removeUnknown(async () => (await network.attachments()).filter((id) => !pool.has(id))),
      () => this.#removeUnknown(() => replicaSecrets.list()),
      () => this.#removeUnknown(() => readdir(replicaFilesDir)),
      async () => {
        const logged = await logs.tails.list();
        const known = await this.#knownReplicas();
        const left = logged.filter(({ id }) => !known.has(id));
        await tryEach(left, (replica) => logs.tails.finish(replica));
      },
    ]);
  }

  async #removeUnknown(list: () => Promise<string[]>): Promise<void> {
    const found = await list();
    // Asked last: a replica is known before it has anything.
    const known = await this.#knownReplicas();
    const left = found.filter((id) => !known.has(id));
    await tryEach(left, async (id) => {
      this.#host.log.info('removing what a replica left behind', { replica: id });
      await removeOutsideParts(this.#host, id);
    });
  }

  async #knownReplicas(): Promise<Set<string>> {
    const namespaces = await openfaasNamespaces(this.#host.containerd);
    const replicas = await Promise.all(namespaces.map((name) => replicaIdsIn(this.#host.containerd, name)));
    return new Set([...replicas.flat(), ...this.#parts.inUse.replicaIds()]);
  }

  async #unusedImages(namespace: string): Promise<void> {
    if (this.#parts.inUse.knowsImages(namespace)) {
      await this.#parts.images.removeUnused(namespace, () => this.#parts.inUse.images(namespace));
    }
  }
}

/** Acts one after the other, and to the end whatever fails of it. */
function inTurn(acts: Act[]): Promise<void> {
  return tryEach(acts, async (act) => void (await act()));
}
