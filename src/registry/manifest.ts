import { createHash } from 'node:crypto';
import { z } from 'zod';
import { firstIssue } from '../base/first-issue.ts';
import { RegistryError } from './registry-error.ts';
import { isDigest } from './reference.ts';

const descriptorSchema = z.object({
  mediaType: z.string().default(''),
  digest: z.string().refine(isDigest, 'is no sha256 or sha512 digest'),
  size: z.int().positive(),
  annotations: z.record(z.string(), z.string()).nullish().catch(undefined),
});

/** Points at a manifest, a config or a layer by its media type, digest (`sha256:…`) and size in bytes. */
export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string> | null;
}

/** A text that may be absent or null, which Go reads as empty. */
const name = z
  .string()
  .nullish()
  .transform((given) => given ?? '');
const platformSchema = z.object({ os: name, architecture: name, variant: z.string().nullish() });

/** A platform without names is none: the image's config tells. */
const entryPlatform = platformSchema
  .nullish()
  .transform((named) => (named?.os || named?.architecture ? named : undefined));

const indexSchema = z.object({ manifests: z.array(descriptorSchema.extend({ platform: entryPlatform })) });

/** One image for several platforms; Docker calls it a manifest list. */
export type ImageIndex = z.infer<typeof indexSchema>;

/** Points at one of an index's images, with the platform that it is for, if the index says. */
export type IndexEntry = ImageIndex['manifests'][number];

const manifestSchema = z.object({ config: descriptorSchema, layers: z.array(descriptorSchema).nullish() });

/** One image for one platform. */
export interface ImageManifest {
  config: Descriptor;
  layers: Descriptor[];
}

const strings = z.array(z.string()).nullish();
const configSchema = z.object({
  ...platformSchema.shape,
  config: z
    .object({
      User: z.string().nullish(),
      Env: strings,
      Entrypoint: strings,
      Cmd: strings,
      WorkingDir: z.string().nullish(),
      StopSignal: z.string().nullish(),
      Volumes: z.record(z.string(), z.unknown()).nullish(),
    })
    .nullish(),
  rootfs: z.object({ diff_ids: z.array(z.string().refine(isDigest)) }),
});

/** What of an image's configuration is of use to us, as images carry it, https://github.com/opencontainers/image-spec/blob/main/config.md. */
export type ImageConfig = z.infer<typeof configSchema>;

const manifestTypes = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];
const indexTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
const configTypes = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
  // What registries and builders of Docker 1.10's time wrote there, https://github.com/moby/moby/issues/22378: the config
  // itself and the layers must tell.
  ...['application/octet-stream', 'application/json', 'text/html', 'text/plain', ''],
];
const layerTypes = /^application\/vnd\.(?:oci\.image\.layer\.|docker\.image\.rootfs\.(?:foreign\.)?diff\.tar)/;

/** Media types of all manifests that this client can read, for an Accept header. */
export const acceptedManifestTypes: readonly string[] = [...manifestTypes, ...indexTypes];

/** What a registry keeps under a tag. */
export type ManifestDocument = { kind: 'index'; index: ImageIndex } | { kind: 'manifest'; manifest: ImageManifest };

/**
 * Reads what a registry keeps under a tag.
 * @param image its name, for errors
 * @throws RegistryError of kind `not-an-image` when it cannot be run as a container
 */
export function parseManifest(body: Buffer, mediaType: string, image: string): ManifestDocument {
  const document = parseJson(body, `the manifest of ${image}`);
  const has = (key: string) => typeof document === 'object' && document !== null && key in document;
  if (has('fsLayers') || isSchema1(mediaType)) {
    throw notAnImage(
      `image ${image} is in Docker's schema 1 format, which was withdrawn: rebuild the image and push it`,
    );
  }
  const isIndex = indexTypes.includes(mediaType);
  if (!isIndex && !manifestTypes.includes(mediaType)) {
    throw notAnImage(`${image} is no container image: its media type is ${JSON.stringify(mediaType)}`);
  }
  // One document that reads as both would let two clients see two images under one digest (CVE-2021-41190).
  if (isIndex ? has('config') || has('layers') : has('manifests')) {
    throw notAnImage(`${image} is no container image: its manifest contradicts its media type ${mediaType}`);
  }
  if (isIndex) return { kind: 'index', index: check(indexSchema, document, `the index of ${image}`) };
  const { config, layers } = check(manifestSchema, document, `the manifest of ${image}`);
  return { kind: 'manifest', manifest: runnable({ config, layers: layers ?? [] }, image) };
}

/**
 * Reads an image's configuration.
 * @param image its name, for errors
 * @throws RegistryError of kind `not-an-image` when it is none
 */
export function parseImageConfig(body: Buffer, image: string): ImageConfig {
  const what = `the configuration of ${image}`;
  return check(configSchema, parseJson(body, what), what);
}

/**
 * Checks that bytes are those that a digest promises.
 * @throws RegistryError of kind `corrupt` when they are others
 */
export function verifyDigest(body: Buffer, digest: string, what: string): void {
  const found = digestOf(body, digest.startsWith('sha512:') ? 'sha512' : 'sha256');
  if (found !== digest) throw new RegistryError('corrupt', `${what} is corrupt: expected ${digest}, got ${found}`);
}

/** Computes the digest of bytes, such as `sha256:…`. */
export function digestOf(body: Buffer | string, algorithm: 'sha256' | 'sha512' = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(body).digest('hex')}`;
}

function runnable(manifest: ImageManifest, image: string): ImageManifest {
  if (!configTypes.includes(manifest.config.mediaType)) {
    throw notAnImage(
      `${image} is no container image but an artifact of type ${JSON.stringify(manifest.config.mediaType)}`,
    );
  }
  const strange = manifest.layers.find(({ mediaType }) => !layerTypes.test(mediaType));
  if (strange) throw notAnImage(`${image} has a layer that is no file system: ${JSON.stringify(strange.mediaType)}`);
  if (manifest.layers.length === 0) throw notAnImage(`${image} has no layers, so there is nothing to run`);
  return manifest;
}

function isSchema1(mediaType: string): boolean {
  // Old registries serve schema 1 as text/plain.
  return mediaType.startsWith('application/vnd.docker.distribution.manifest.v1') || mediaType === 'text/plain';
}

function parseJson(body: Buffer, what: string): unknown {
  try {
    return JSON.parse(body.toString()) as unknown;
  } catch (cause) {
    throw notAnImage(`${what} is not JSON`, cause);
  }
}

function check<T>(schema: z.ZodType<T>, document: unknown, what: string): T {
  const result = schema.safeParse(document);
  if (result.success) return result.data;
  throw notAnImage(`${what} is malformed: ${firstIssue(result.error, 'the root')}`, result.error);
}

function notAnImage(message: string, cause?: unknown): RegistryError {
  return new RegistryError('not-an-image', message, { cause });
}
