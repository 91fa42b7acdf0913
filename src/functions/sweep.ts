import { readdir } from 'node:fs/promises';
import type { Log } from '../log.ts';
import type { FunctionStore } from './desired/function-store.ts';
import type { Images } from './images/index.ts';
import { leaseLabel } from './replicas/labels.ts';
import { removeOutsideParts } from './replicas/delete-replica.ts';
import type { Host } from './replicas/host.ts';

/** Takes away what a crash left without an owner: parts of replicas whose container record is gone, leases, images. */
export class Sweep {
  readonly #host: Host;
  readonly #images: Images;
  readonly #store: FunctionStore;
  readonly #log: Log;

  constructor({ host, images, store, log }: { host: Host; images: Images; store: FunctionStore; log: Log }) {
    this.#host = host;
    this.#images = images;
    this.#store = store;
    this.#log = log;
  }

  /** `known` are the ids of all replicas in all namespaces, those that are only being made included. */
  async outsideParts(known: ReadonlySet<string>): Promise<void> {
    const { network, replicaSecrets, replicaFilesDir } = this.#host;
    const found = new Set([
      ...(await network.attachments()),
      ...(await replicaSecrets.list()),
      ...(await readdir(replicaFilesDir)),
    ]);
    for (const id of found) {
      if (known.has(id)) continue;
      this.#log.info('removing what a replica left behind', { replica: id });
      await removeOutsideParts(this.#host, id);
    }
    const orphans = (await this.#host.logs.list()).filter(({ id }) => !known.has(id));
    for (const replica of orphans) await this.#host.logs.finish(replica);
  }

  /** Only at start, when nobody can be working under one. */
  async leases(namespace: string): Promise<void> {
    const client = this.#host.containerd.namespace(namespace);
    const leases = await client.leases.list();
    const ours = leases.filter(({ labels }) => leaseLabel in labels);
    for (const { id } of ours) await client.leases.delete(id, { sync: true });
  }

  /** Images of versions that no function has any more; the previous one is kept for rollback. */
  async images(namespace: string): Promise<void> {
    const generations = this.#store
      .inNamespace(namespace)
      .flatMap(({ record }) => [record.current, record.candidate, record.previous])
      .filter((generation) => generation !== undefined);
    await this.#images.removeUnused(
      namespace,
      generations.map(({ deployment, imageDigest }) => ({ image: deployment.image, digest: imageDigest })),
    );
  }
}
