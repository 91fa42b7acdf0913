import {
  type Containerd,
  type Image,
  isAlreadyExists,
  type NamespacedClient,
  type NewImage,
  notFoundAs,
} from '../../../containerd/index.ts';
import type { Log } from '../../../base/log.ts';
import type { EventFeed, PullPolicy, PullProgress } from '../../../provider/index.ts';
import {
  type CredentialStore,
  type Descriptor,
  parseReference,
  type Platform,
  type Reference,
  referenceByDigest,
  type RegistryClient,
  RegistryError,
  type RegistryErrorKind,
} from '../../../registry/index.ts';
import { InOrder } from '../../../base/in-order.ts';
import { pullLease, removeCutPulls, thisBoot } from './cut-pulls.ts';
import { pullImage } from './pull.ts';
import type { ImageSource } from './pull-context.ts';
import { PullMeter } from './pull-meter.ts';
import { findUnpacked, type UnpackedImage } from './unpacked-image.ts';
import { UsedNames, type UsedImage } from './used-names.ts';

export interface ImagesOptions {
  containerd: Containerd;
  registry: RegistryClient;
  /** Names containerd's snapshotter, such as `overlayfs`. */
  snapshotter: () => Promise<string>;
  /** The platform that this host runs. */
  platform: Platform;
  /** Identifies the time from a boot of this host to its next. */
  boot?: Promise<string>;
  /** Is told what was pulled. */
  events?: EventFeed;
  log: Log;
}

export interface EnsureOptions {
  signal?: AbortSignal;
  /** Registry logins of whoever asks, before the host's. */
  logins?: CredentialStore;
}

interface WantedImage {
  namespace: string;
  reference: Reference;
  registry: RegistryClient;
  signal?: AbortSignal;
}

interface PullRequest {
  namespace: string;
  reference: Reference;
  target: Descriptor;
  source: ImageSource;
  signal?: AbortSignal;
}

/** The label on records that we made: those of other clients are never removed. */
const ownLabel = 'com.openfaas.berth.image';

/**
 * Pulls images into containerd and unpacks them, namespace by namespace.
 *
 * Each image gets two records: one under the reference as deployed, which moves when its tag moves, and one under
 * `REPOSITORY@DIGEST`, which never does. The second belongs to the generation that resolved the tag to that digest. It
 * keeps the config and the unpacked layers, so that an old replica can be made again after the tag has moved on.
 */
export class Images {
  readonly #options: Omit<ImagesOptions, 'boot'>;
  readonly #pulls = new InOrder();
  readonly #underWay = new Set<PullMeter>();
  /** Removals of records under way, which were decided on before whoever asks for an image now was known. */
  readonly #removals = new Set<Promise<boolean>>();
  readonly #locks = { blobs: new InOrder(), snapshots: new InOrder() };
  readonly #unflushed = new Map<string, string>();

  /** By namespace. */
  readonly #clearings = new Map<string, Promise<void>>();
  readonly #boot: Promise<string>;

  constructor({ boot = thisBoot(), ...options }: ImagesOptions) {
    this.#options = options;
    this.#boot = boot;
  }

  /**
   * Returns the image of a reference, pulled and unpacked as far as the policy says.
   * @param policy undefined: IfNotPresent for references with a digest. For others Always, but when the registry cannot
   *   be reached, the image that is present.
   * @throws RegistryError or ContainerdError when it cannot be had
   */
  async ensure(
    namespace: string,
    imageRef: string,
    policy?: PullPolicy,
    { signal, logins }: EnsureOptions = {},
  ): Promise<UnpackedImage> {
    const reference = parseReference(imageRef);
    const registry = logins ? this.#options.registry.withLogins(logins) : this.#options.registry;
    const wanted: WantedImage = { namespace, reference, registry, signal };
    // One at a time: whoever comes second finds what the first has pulled.
    return this.#pulls.run(`${namespace}/${reference.name}`, async () => {
      signal?.throwIfAborted();
      // A record that is there now may be gone in a moment.
      await Promise.allSettled(this.#removals);
      return await this.#byPolicy(wanted, policy);
    });
  }

  /** Lists the pulls under way: an image for which several wait is pulled once. */
  pulls(): PullProgress[] {
    return [...this.#underWay].map(({ progress }) => progress);
  }

  /** Finds the image that was once pulled as this reference and had this digest, without asking the registry. */
  async present(namespace: string, imageRef: string, digest: string): Promise<UnpackedImage | undefined> {
    return this.#find(namespace, referenceByDigest(parseReference(imageRef), digest).name);
  }

  async list(namespace: string): Promise<Image[]> {
    return this.#options.containerd.namespace(namespace).images.list();
  }

  /** Removes a record; containerd collects what nothing else needs. Returns false when it was gone already. */
  async remove(namespace: string, name: string): Promise<boolean> {
    return this.#client(namespace)
      .images.delete(name)
      .then(() => true, notFoundAs(false));
  }

  /**
   * Removes the records that we made and that `used` does not name, where a reference without a digest stands for all
   * of its repository. `used` is asked again before each removal, since a deploy may have begun meanwhile: it must name
   * an image before `ensure` is asked for it.
   */
  async removeUnused(namespace: string, used: () => UsedImage[]): Promise<void> {
    const own = (await this.list(namespace)).filter(({ labels }) => labels[ownLabel] !== undefined);
    const names = new UsedNames(used());
    for (const { name } of own.filter((record) => !names.has(record.name))) {
      if (new UsedNames(used()).has(name)) continue;
      const removal = this.remove(namespace, name);
      this.#removals.add(removal);
      const isRemoved = await removal.finally(() => this.#removals.delete(removal));
      if (isRemoved) this.#options.log.info('removed an image that no function uses', { image: name, namespace });
    }
  }

  async #byPolicy(wanted: WantedImage, policy: PullPolicy | undefined): Promise<UnpackedImage> {
    const { namespace, reference } = wanted;
    if (policy === 'Always') return this.#newest(wanted);
    if (policy === undefined && reference.digest === undefined) return this.#newestOrLocal(wanted);
    const local = await this.#local(wanted);
    if (local) return local;
    if (policy !== 'Never') return this.#newest(wanted);
    throw new RegistryError(
      'not-found',
      `image ${reference.name} is not present and pull policy is Never: ` +
        `pull it into containerd's namespace ${namespace}, or change the policy`,
      reference,
    );
  }

  async #newestOrLocal(wanted: WantedImage): Promise<UnpackedImage> {
    const { namespace, reference } = wanted;
    try {
      return await this.#newest(wanted);
    } catch (error) {
      const local = isOfKind(error, 'unreachable') && (await this.#local(wanted));
      if (!local) throw error;
      const fields = { image: reference.name, namespace, error };
      this.#options.log.warn('registry cannot be reached, using the image that is present', fields);
      return local;
    }
  }

  /** Finds the image if containerd has all of it, and unpacks it if it is not yet. */
  async #local({ namespace, reference, signal }: WantedImage): Promise<UnpackedImage | undefined> {
    const { name, digest } = reference;
    const names = digest === undefined ? [name] : [name, referenceByDigest(reference, digest).name];
    for (const candidate of names) {
      const image = await this.#find(namespace, candidate);
      if (image) return image;
    }
    const target = await this.#target(namespace, name);
    if (!target) return undefined;
    try {
      return await this.#pull({ namespace, reference, target, source: nowhere(reference), signal });
    } catch (error) {
      if (isOfKind(error, 'not-found')) return undefined;
      throw error;
    }
  }

  async #newest({ namespace, reference, registry, signal }: WantedImage): Promise<UnpackedImage> {
    const target = await registry.resolve(reference, { signal });
    const present = await this.#find(namespace, referenceByDigest(reference, target.digest).name);
    if (!present) return this.#pull({ namespace, reference, target, source: registry, signal });
    await this.#putRecord(this.#client(namespace), { name: reference.name, target });
    return { ...present, name: reference.name };
  }

  async #pull({ namespace, reference, target, source, signal }: PullRequest): Promise<UnpackedImage> {
    const { log, platform } = this.#options;
    const { name } = reference;
    const snapshotter = await this.#options.snapshotter();
    using progress = this.#meter(name, namespace);
    await this.#cleared(namespace);
    const leaseId = await pullLease(this.#client(namespace), name, await this.#boot);
    const client = this.#client(namespace).withLease(leaseId);
    const shared = { platform, snapshotter, locks: this.#locks, unflushed: this.#unflushed, progress, log };
    const image = await pullImage({ ...shared, client, leaseId, registry: source, reference, signal }, target);
    for (const record of [referenceByDigest(reference, target.digest).name, name]) {
      await this.#putRecord(client, { name: record, target });
    }
    await this.#client(namespace).leases.delete(leaseId);
    const { sizeBytes, digest } = image;
    const { downloadedBytes, elapsedMs } = progress;
    log.info('pulled image', { image: name, namespace, digest, sizeBytes, downloadedBytes, elapsedMs });
    this.#options.events?.tell({
      namespace,
      kind: 'image-pulled',
      text: `pulled ${name} in ${(elapsedMs / 1000).toFixed(1)} s`,
    });
    return image;
  }

  #meter(image: string, namespace: string): PullMeter {
    const meter: PullMeter = new PullMeter(this.#options.log, { image, namespace }, () => this.#underWay.delete(meter));
    this.#underWay.add(meter);
    return meter;
  }

  /** What the last boot's pulls have left is cleared away once, before anything is taken for unpacked. */
  #cleared(namespace: string): Promise<void> {
    const known = this.#clearings.get(namespace);
    if (known) return known;
    const clearing = this.#boot.then((boot) => removeCutPulls(this.#client(namespace), boot));
    this.#clearings.set(namespace, clearing);
    clearing.catch(() => this.#clearings.delete(namespace));
    return clearing;
  }

  async #putRecord({ images }: NamespacedClient, { name, target }: { name: string; target: Descriptor }) {
    const { mediaType, digest, size } = target;
    const image: NewImage = { name, target: { mediaType, digest, size }, labels: { [ownLabel]: 'pulled' } };
    try {
      await images.create(image);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      // Only the target: a record that another client made stays its own.
      await images.update(image, ['target']);
    }
  }

  /** Returns what a record points to, be it complete or not. */
  async #target(namespace: string, name: string): Promise<Descriptor | undefined> {
    const record = await this.#client(namespace).images.get(name).catch(notFoundAs(undefined));
    return record?.target;
  }

  async #find(namespace: string, name: string): Promise<UnpackedImage | undefined> {
    const snapshotter = await this.#options.snapshotter();
    await this.#cleared(namespace);
    return findUnpacked(this.#client(namespace), name, { ...this.#options, snapshotter });
  }

  #client(namespace: string): NamespacedClient {
    return this.#options.containerd.namespace(namespace);
  }
}

/** Returns a source that has nothing, for an image that may come from containerd alone. */
function nowhere({ name }: Reference): ImageSource {
  const missing = ({ digest }: Descriptor) => new RegistryError('not-found', `${digest} of ${name} is not present`);
  return {
    fetchManifest: (_, descriptor) => Promise.reject(missing(descriptor)),
    fetchBlob: (_, descriptor) => Promise.reject(missing(descriptor)),
    openBlob: (_, descriptor) => {
      throw missing(descriptor);
    },
  };
}

function isOfKind(error: unknown, kind: RegistryErrorKind): boolean {
  return error instanceof RegistryError && error.kind === kind;
}
