import type { NamespacedClient } from '../../../containerd/index.ts';
import { maxSmallBodyBytes, RegistryError } from '../../../registry/index.ts';

/**
 * Reads a manifest, an index or a config that containerd has. A manifest may name any blob as its config, a layer of
 * gigabytes too, and say that it is small: containerd is asked how large it is.
 * @param image its name, for errors
 * @throws RegistryError of kind `not-an-image` when it is too large to be one
 */
export async function readDocument(
  { content }: NamespacedClient,
  digest: string,
  image: string,
  signal?: AbortSignal,
): Promise<Buffer> {
  const { size } = await content.info(digest, { signal });
  if (size > maxSmallBodyBytes) throw new RegistryError('not-an-image', `${digest} of ${image} is larger than 4 MiB`);
  return content.readAll(digest, { signal });
}
