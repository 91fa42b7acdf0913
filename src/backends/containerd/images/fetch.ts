import {
  isAlreadyExists,
  isFailedPrecondition,
  type Labels,
  type NamespacedClient,
  notFoundAs,
} from '../../../containerd/index.ts';
import {
  checkPlatform,
  choosePlatform,
  type Descriptor,
  type ImageConfig,
  type ImageManifest,
  parseImageConfig,
  parseManifest,
  type Platform,
  type Reference,
  RegistryError,
} from '../../../registry/index.ts';
import type { PullContext } from './pull-context.ts';
import { readDocument } from './read-document.ts';
import { chainIds, snapshotLabel } from './unpacked-image.ts';

export interface ImageDocuments {
  manifest: ImageManifest;
  manifestDigest: string;
  config: ImageConfig;
  /** The platform that the image is for: what the index says, else what the config says. */
  platform: Platform;
}

type ReadBlob = (offset: number) => AsyncIterable<Buffer> | Iterable<Buffer>;

// The network gives a sixteenth of it at a time, and each frame waits for its answer.
const frameBytes = 1024 * 1024;

/**
 * Brings index, manifest and config into containerd, each with the labels that keep what it points to.
 * @param listed the platform by which an index led to the target
 */
export async function fetchDocuments(
  pull: PullContext,
  target: Descriptor,
  listed?: Platform,
): Promise<ImageDocuments> {
  const { reference, platform } = pull;
  const body = await documentBody(pull, target, () =>
    pull.registry.fetchManifest(reference, target, { signal: pull.signal }),
  );
  const document = parseManifest(body, target.mediaType, reference.name);
  if (document.kind === 'index') {
    const entry = choosePlatform(document.index, platform, reference.name);
    const labels = numbered('containerd.io/gc.ref.content.m', document.index.manifests);
    const written = writeBlob(pull, 'index', target, labels, (offset) => [body.subarray(offset)]);
    return beside(written, fetchDocuments(pull, entry, entry.platform ?? listed));
  }

  const { manifest } = document;
  const layers = numbered('containerd.io/gc.ref.content.l', manifest.layers);
  const labels = { 'containerd.io/gc.ref.content.config': manifest.config.digest, ...layers };
  const written = writeBlob(pull, 'manifest', target, labels, (offset) => [body.subarray(offset)]);
  const config = await beside(written, fetchConfig(pull, manifest.config, listed));
  return { manifest, manifestDigest: target.digest, config, platform: listed ?? config };
}

async function fetchConfig(pull: PullContext, descriptor: Descriptor, listed?: Platform): Promise<ImageConfig> {
  const { reference, platform, snapshotter } = pull;
  const fetch = () => pull.registry.fetchBlob(reference, descriptor, { signal: pull.signal });
  const body = await documentBody(pull, descriptor, fetch);
  const config = parseImageConfig(body, reference.name);
  // Images built for other platforms often have the builder's in their config, and the index says what they are for.
  if (!listed) checkPlatform(config, platform, reference.name);
  // The snapshot that it names comes later; until then the label points nowhere, which containerd allows.
  const chainId = chainIds(config.rootfs.diff_ids).at(-1);
  const snapshot: Labels = chainId === undefined ? {} : { [snapshotLabel(snapshotter)]: chainId };
  await writeBlob(pull, 'config', descriptor, snapshot, (offset) => [body.subarray(offset)]);
  return config;
}

/** Gives what the second becomes, once both have ended: nothing of a pull that has failed may write any more. */
async function beside<T>(written: Promise<void>, next: Promise<T>): Promise<T> {
  await Promise.allSettled([written, next]);
  await written;
  return next;
}

export async function fetchLayer(pull: PullContext, layer: Descriptor, signal: AbortSignal): Promise<void> {
  const read = (offset: number) => pull.registry.openBlob(pull.reference, layer, { offset, signal });
  await writeBlob({ ...pull, signal }, 'layer', layer, {}, read);
}

/** Reads a document from containerd, else from the registry: an image that is all here needs no registry. */
async function documentBody(
  { client, reference, signal }: PullContext,
  { digest }: Descriptor,
  fetch: () => Promise<Buffer>,
): Promise<Buffer> {
  const present = await readDocument(client, digest, reference.name, signal).catch(notFoundAs(undefined));
  return present ?? fetch();
}

/** Makes the blob part of this pull's lease, and writes what is missing of it. */
async function writeBlob(
  pull: PullContext,
  kind: 'index' | 'manifest' | 'config' | 'layer',
  blob: Descriptor,
  labels: Labels,
  read: ReadBlob,
): Promise<void> {
  // The refs of containerd's own clients, so that any of them goes on where another stopped.
  const ref = `${kind}-${blob.digest}`;
  await pull.locks.blobs.run(blob.digest, async () => {
    const outcome = await tryWrite(pull, ref, blob, labels, read);
    if (outcome !== 'corrupt-rest') return;
    // What an earlier pull left was bad, and containerd has dropped it: once more from the start.
    await tryWrite(pull, ref, blob, labels, read);
  });
}

async function tryWrite(
  { client, reference, signal, progress }: PullContext,
  ref: string,
  blob: Descriptor,
  labels: Labels,
  read: ReadBlob,
): Promise<'written' | 'present' | 'corrupt-rest'> {
  const content = { ref, total: blob.size, expected: blob.digest };
  const writer = await client.content.openWriter(content, { signal }).catch(async (error: unknown) => {
    if (!isAlreadyExists(error)) throw error;
    await label(client, blob.digest, labels);
    return undefined;
  });
  if (!writer) {
    progress.found(blob.size);
    return 'present';
  }
  await using open = writer;
  const resumedAt = open.offset;
  progress.found(resumedAt);
  if (open.offset < blob.size) {
    for await (const frame of inFrames(read(open.offset))) {
      const before = open.offset;
      await open.write(...frame);
      progress.add(open.offset - before);
    }
  }
  try {
    await open.commit({ labels });
    return 'written';
  } catch (error) {
    if (!isFailedPrecondition(error)) throw error;
    if (resumedAt > 0) return 'corrupt-rest';
    throw corrupt(reference, blob, error);
  }
}

async function label(client: NamespacedClient, digest: string, labels: Labels): Promise<void> {
  const paths = Object.keys(labels).map((key) => `labels.${key}`);
  if (paths.length > 0) await client.content.update({ digest, labels }, paths);
}

async function* inFrames(chunks: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Buffer[]> {
  let pending: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    pending.push(chunk);
    length += chunk.length;
    if (length < frameBytes) continue;
    yield pending;
    pending = [];
    length = 0;
  }
  if (length > 0) yield pending;
}

function numbered(prefix: string, children: Descriptor[]): Labels {
  return Object.fromEntries(children.map(({ digest }, i) => [`${prefix}.${i}`, digest]));
}

function corrupt({ registry, repository, name }: Reference, { digest }: Descriptor, cause: unknown): RegistryError {
  const message = `registry ${registry} sent other bytes for ${digest} of ${name} than it promises: push the image again`;
  return new RegistryError('corrupt', message, { registry, repository, cause });
}
