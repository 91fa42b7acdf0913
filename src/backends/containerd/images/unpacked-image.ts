import { isNotFound, type NamespacedClient } from '../../../containerd/index.ts';
import {
  choosePlatform,
  type Descriptor,
  digestOf,
  type ImageConfig,
  type ImageManifest,
  parseImageConfig,
  parseManifest,
  type Platform,
  RegistryError,
} from '../../../registry/index.ts';
import { readDocument } from './read-document.ts';

/** An image that containers can be made of at once. */
export interface UnpackedImage {
  /** The normalised reference, as containerd's record has it. */
  name: string;
  /** Digest of what the reference names: of the index, where the image has one. */
  digest: string;
  manifestDigest: string;
  configDigest: string;
  config: ImageConfig;
  /** The platform that the image is for: what the index says, else what the config says. */
  platform: Platform;
  /** Key of the committed snapshot of all layers, the parent of containers' snapshots. */
  chainId: string;
  /** Size of config and layers as registries keep them, compressed. */
  sizeBytes: number;
}

export interface HostImageKind {
  snapshotter: string;
  platform: Platform;
}

/**
 * Finds the image that a record names; undefined unless all of it is here: the record, the config, the unpacked layers,
 * and the label by which the garbage collector keeps them. A record alone proves nothing: a crash or another client may
 * have left it without the rest.
 */
export async function findUnpacked(
  client: NamespacedClient,
  name: string,
  { snapshotter, platform }: HostImageKind,
): Promise<UnpackedImage | undefined> {
  try {
    const { target } = await client.images.get(name);
    const { manifest, digest, listed } = await readManifest(client, target, platform, name);
    const config = parseImageConfig(await readDocument(client, manifest.config.digest, name), name);
    const parts = { manifest, manifestDigest: digest, config, platform: listed ?? config };
    const image = describeImage({ name, target, ...parts });
    const { labels } = await client.content.info(manifest.config.digest);
    if (labels[snapshotLabel(snapshotter)] !== image.chainId) return undefined;
    await client.snapshots.stat({ snapshotter, key: image.chainId });
    return image;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

export function describeImage(parts: {
  name: string;
  target: { digest: string };
  manifest: ImageManifest;
  manifestDigest: string;
  config: ImageConfig;
  platform: Platform;
}): UnpackedImage {
  const { name, target, manifest, manifestDigest, config, platform } = parts;
  const chain = chainIds(config.rootfs.diff_ids);
  const chainId = chain.at(-1);
  if (chainId === undefined || chain.length !== manifest.layers.length) {
    throw new RegistryError(
      'not-an-image',
      `image ${name} has ${manifest.layers.length} layers but ${chain.length} diff ids`,
    );
  }
  return {
    name,
    digest: target.digest,
    manifestDigest,
    configDigest: manifest.config.digest,
    config,
    platform,
    chainId,
    sizeBytes: [manifest.config, ...manifest.layers].reduce((sum, { size }) => sum + size, 0),
  };
}

/**
 * Computes the names of the snapshots layer by layer,
 * https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid
 */
export function chainIds(diffIds: string[]): string[] {
  const chain: string[] = [];
  for (const diffId of diffIds) {
    const parent = chain.at(-1);
    chain.push(parent === undefined ? diffId : digestOf(`${parent} ${diffId}`));
  }
  return chain;
}

/** Returns the label on an image's config that has the garbage collector keep the snapshot which it names. */
export function snapshotLabel(snapshotter: string): string {
  return `containerd.io/gc.ref.snapshot.${snapshotter}`;
}

async function readManifest(
  client: NamespacedClient,
  { digest, mediaType }: Pick<Descriptor, 'digest' | 'mediaType'>,
  host: Platform,
  name: string,
  listed?: Platform,
): Promise<{ manifest: ImageManifest; digest: string; listed?: Platform }> {
  const document = parseManifest(await readDocument(client, digest, name), mediaType, name);
  if (document.kind === 'manifest') return { manifest: document.manifest, digest, listed };
  const entry = choosePlatform(document.index, host, name);
  return readManifest(client, entry, host, name, entry.platform ?? listed);
}
