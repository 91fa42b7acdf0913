import type { Descriptor } from '../../../registry/index.ts';
import { fetchDocuments, fetchLayer, type ImageDocuments } from './fetch.ts';
import type { PullContext } from './pull-context.ts';
import { flush, isUnpacked, type Layer, unpackLayer } from './unpack.ts';
import { chainIds, describeImage, type UnpackedImage } from './unpacked-image.ts';

const parallelDownloads = 3;

/** Fetches and unpacks an image; the caller holds the lease, and makes the image record when all is in place. */
export async function pullImage(pull: PullContext, target: Descriptor): Promise<UnpackedImage> {
  const documents = await fetchDocuments(pull, target);
  const image = describeImage({ name: pull.reference.name, target, ...documents });
  const missing = await missingLayers(pull, documents);
  pull.progress.expect(missing.reduce((sum, { descriptor }) => sum + descriptor.size, 0));
  await fetchAndUnpack(pull, missing);
  await flushLayers(pull, chainIds(documents.config.rootfs.diff_ids));
  return image;
}

/** Returns the layers above the highest one that is unpacked already; a snapshot always has its parents. */
async function missingLayers(pull: PullContext, { manifest, config }: ImageDocuments): Promise<Layer[]> {
  const diffIds = config.rootfs.diff_ids;
  const chain = chainIds(diffIds);
  const missing: Layer[] = [];
  for (const [i, descriptor] of [...manifest.layers.entries()].reverse()) {
    const { [i]: diffId = '' } = diffIds;
    const { [i]: chainId = '', [i - 1]: parent = '' } = chain;
    if (await isUnpacked(pull, chainId)) break;
    missing.unshift({ descriptor, diffId, chainId, parent });
  }
  return missing;
}

/** Downloads layers side by side, and unpacks them from the bottom up as they come. */
async function fetchAndUnpack(pull: PullContext, layers: Layer[]): Promise<void> {
  const stop = new AbortController();
  const signal = pull.signal ? AbortSignal.any([pull.signal, stop.signal]) : stop.signal;
  const downloads = startDownloads(layers, (layer) => fetchLayer(pull, layer.descriptor, signal));
  try {
    for (const [i, layer] of layers.entries()) await unpackOnce(pull, layer, downloads[i]);
  } finally {
    // Nothing of this pull may write any more once its lease is deleted.
    stop.abort();
    await Promise.allSettled(downloads);
  }
}

async function unpackOnce(pull: PullContext, layer: Layer, download: Promise<void> | undefined): Promise<void> {
  await download;
  const key = keyOf(pull, layer.chainId);
  await pull.locks.snapshots.run(key, async () => {
    const folder = (await isUnpacked(pull, layer.chainId)) ? undefined : await unpackLayer(pull, layer);
    if (folder !== undefined) pull.unflushed.set(key, folder);
  });
}

/**
 * Puts an image's layers on the disk, also those that another pull unpacked and has not flushed yet. Until then the lease of
 * the pull that unpacked them says that they may not be there.
 */
async function flushLayers(pull: PullContext, chain: string[]): Promise<void> {
  const { unflushed } = pull;
  const folder = chain.map((chainId) => unflushed.get(keyOf(pull, chainId))).find((found) => found !== undefined);
  if (folder === undefined) return;
  const flushed = [...unflushed.keys()];
  await flush(folder);
  for (const key of flushed) unflushed.delete(key);
}

/** Names a layer among those of all namespaces. */
function keyOf({ client }: PullContext, chainId: string): string {
  return `${client.name}/${chainId}`;
}

function startDownloads(layers: Layer[], download: (layer: Layer) => Promise<void>): Promise<void>[] {
  const started: Promise<void>[] = [];
  for (const [i, layer] of layers.entries()) {
    const before = started[i - parallelDownloads] ?? Promise.resolve();
    const running = before.then(() => download(layer));
    // Its failure is seen when its turn to be unpacked comes.
    running.catch(() => undefined);
    started.push(running);
  }
  return started;
}
