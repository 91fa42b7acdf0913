import { createHash } from 'node:crypto';
import { chmod, chown, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { arch, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { run } from './processes.ts';
import type { TestRegistry } from './registry.ts';

/** A file of a layer; a string or bytes alone is a file with mode 0644 of root's. */
export interface LayerEntry {
  content?: string | Uint8Array;
  /** Target of a symbolic link. */
  link?: string;
  directory?: boolean;
  mode?: number;
  uid?: number;
  gid?: number;
  /** Of the file, as setcap takes them, such as `cap_net_raw=+ep`. */
  capabilities?: string;
}

/** Paths are relative to the root of the image. A path `dir/.wh.NAME` deletes NAME of the layers below. */
export type Layer = Record<string, LayerEntry | string | Uint8Array>;

/** The `config` part of an OCI image configuration. */
export interface ImageProcess {
  Entrypoint?: string[];
  Cmd?: string[];
  Env?: string[];
  User?: string;
  WorkingDir?: string;
  Labels?: Record<string, string>;
  StopSignal?: string;
  ExposedPorts?: Record<string, object>;
  Volumes?: Record<string, object>;
}

/** A registry that images are pushed to. */
export type ImageRegistry = Pick<TestRegistry, 'host' | 'url' | 'fetch'>;

export interface ImageOptions {
  registry: ImageRegistry;
  name: string;
  /** Default latest. */
  tag?: string;
  layers: Layer[];
  config?: ImageProcess;
  /** Such as `linux/arm/v7`. Default this host's. More than one makes an index of them. */
  platforms?: string[];
  /** What every config says it is for, whatever the index says. */
  configPlatform?: string;
  compression?: 'gzip' | 'zstd' | 'none';
  /** Default oci. */
  mediaTypes?: 'oci' | 'docker';
  /** Media type of the config, where it is another one than `mediaTypes` has. */
  configType?: string;
}

export interface TestImage {
  /** `127.0.0.1:PORT/name:tag`. */
  readonly reference: string;
  /** Of the manifest, or of the index when there is one. */
  readonly digest: string;
  /** Of each layer, in order. */
  readonly layerDigests: string[];
}

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: Platform;
}

interface Manifest {
  schemaVersion: number;
  mediaType: string;
  config?: Descriptor;
  layers?: Descriptor[];
  manifests?: Descriptor[];
}

interface Platform {
  os: string;
  architecture: string;
  variant?: string;
}

const mediaTypes = {
  oci: {
    index: 'application/vnd.oci.image.index.v1+json',
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    layer: { none: 'tar', gzip: 'tar+gzip', zstd: 'tar+zstd' },
    layerPrefix: 'application/vnd.oci.image.layer.v1.',
  },
  docker: {
    index: 'application/vnd.docker.distribution.manifest.list.v2+json',
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    layer: { none: 'tar', gzip: 'tar.gzip', zstd: 'tar.zstd' },
    layerPrefix: 'application/vnd.docker.image.rootfs.diff.',
  },
};

const compress = {
  none: (tar: Buffer) => tar,
  gzip: (tar: Buffer) => gzipSync(tar, { level: 1 }),
  zstd: (tar: Buffer) => zstdCompressSync(tar),
};

/** The platform of this host as images name it, such as `linux/amd64`. */
const hostPlatform = `linux/${arch() === 'x64' ? 'amd64' : arch()}`;

/** Makes an image and pushes it. All its platforms share the same layers. */
export async function buildImage(options: ImageOptions): Promise<TestImage> {
  const { registry, name, tag = 'latest', config = {}, platforms = [hostPlatform], compression = 'gzip' } = options;
  const types = mediaTypes[options.mediaTypes ?? 'oci'];
  const push = new Pusher(registry, name);
  const diffIds: string[] = [];
  const layers: Descriptor[] = [];
  for (const layer of options.layers) {
    const tar = await tarOf(layer);
    diffIds.push(digestOf(tar));
    layers.push(await push.blob(compress[compression](tar), types.layerPrefix + types.layer[compression]));
  }
  const manifests: Descriptor[] = [];
  for (const platform of platforms.map(parsePlatform)) {
    const imageConfig = {
      created: '2020-01-01T00:00:00Z',
      ...(options.configPlatform ? parsePlatform(options.configPlatform) : platform),
      config,
      rootfs: { type: 'layers', diff_ids: diffIds },
    };
    const manifest = {
      schemaVersion: 2,
      mediaType: types.manifest,
      config: await push.blob(Buffer.from(JSON.stringify(imageConfig)), options.configType ?? types.config),
      layers,
    };
    manifests.push({ ...(await push.manifest(manifest, platforms.length > 1 ? undefined : tag)), platform });
  }
  const top =
    manifests.length === 1 && manifests[0]
      ? manifests[0]
      : await push.manifest({ schemaVersion: 2, mediaType: types.index, manifests }, tag);
  const layerDigests = layers.map((layer) => layer.digest);
  return { reference: `${registry.host}/${name}:${tag}`, digest: top.digest, layerDigests };
}

/** Pushes that are not at their end, by address and digest. */
const underWay = new Map<string, Promise<void>>();

/** Pushes a thing once, as clients do: the registry empties a file that it writes again, and who reads it then is refused. */
class Pusher {
  readonly #registry: ImageRegistry;
  readonly #name: string;

  constructor(registry: ImageRegistry, name: string) {
    this.#registry = registry;
    this.#name = name;
  }

  async blob(bytes: Buffer, mediaType: string): Promise<Descriptor> {
    const digest = digestOf(bytes);
    await this.#once({ path: `blobs/${digest}`, digest }, async () => {
      const opened = await this.#request('blobs/uploads/', { method: 'POST' });
      const upload = new URL(opened.headers.get('location') ?? '', this.#registry.url);
      upload.searchParams.set('digest', digest);
      await this.#request(upload.href, { method: 'PUT', body: new Uint8Array(bytes) });
    });
    return { mediaType, digest, size: bytes.length };
  }

  async manifest(manifest: Manifest, tag?: string): Promise<Descriptor> {
    const { mediaType } = manifest;
    const body = JSON.stringify(manifest);
    const digest = digestOf(body);
    const path = `manifests/${tag ?? digest}`;
    await this.#once({ path, digest, accept: mediaType }, async () => {
      await this.#request(path, { method: 'PUT', body, headers: { 'content-type': mediaType } });
    });
    return { mediaType, digest, size: Buffer.byteLength(body) };
  }

  #once(thing: { path: string; digest: string; accept?: string }, put: () => Promise<void>): Promise<void> {
    const { path, digest, accept = '*/*' } = thing;
    const key = `${this.#url(path)} ${digest}`;
    const pushUnlessThere = async () => {
      const found = await this.#fetch(path, { method: 'HEAD', headers: { accept } });
      if (found.headers.get('docker-content-digest') !== digest) await put();
    };
    const push = underWay.get(key) ?? pushUnlessThere().finally(() => underWay.delete(key));
    underWay.set(key, push);
    return push;
  }

  async #request(path: string, init: RequestInit): Promise<Response> {
    const response = await this.#fetch(path, init);
    if (!response.ok) throw new Error(`${init.method} ${this.#url(path)}: ${response.status} ${await response.text()}`);
    return response;
  }

  #fetch(path: string, init: RequestInit): Promise<Response> {
    return this.#registry.fetch(this.#url(path), `repository:${this.#name}:pull,push`, init);
  }

  #url(path: string): string {
    return new URL(path, `${this.#registry.url}/v2/${this.#name}/`).href;
  }
}

function digestOf(bytes: Buffer | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function parsePlatform(text: string): Platform {
  const [os = '', architecture = '', variant] = text.split('/');
  return { os, architecture, ...(variant && { variant }) };
}

async function tarOf(layer: Layer): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'layer-'));
  try {
    for (const [path, value] of Object.entries(layer)) {
      const plain = typeof value === 'string' || value instanceof Uint8Array;
      await writeEntry(join(folder, path), plain ? { content: value } : value);
    }
    // Not of every layer: this form has the times of files as well, and so another digest each time.
    const hasAttributes = Object.values(layer).some((entry) => typeof entry === 'object' && 'capabilities' in entry);
    const attributes = hasAttributes ? ['--xattrs', '--xattrs-include=security.capability'] : [];
    const args = [...attributes, '--sort=name', '--mtime=@0', '--numeric-owner', '-cf', '-', '-C', folder, '.'];
    const { stdout } = await run('tar', args, { encoding: 'buffer', maxBuffer: Infinity });
    return stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function writeEntry(path: string, entry: LayerEntry): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  if (entry.link !== undefined) return symlink(entry.link, path);
  if (entry.directory) await mkdir(path, { recursive: true });
  else await writeFile(path, entry.content ?? '');
  if (entry.uid !== undefined || entry.gid !== undefined) await chown(path, entry.uid ?? 0, entry.gid ?? 0);
  await chmod(path, entry.mode ?? (entry.directory ? 0o755 : 0o644));
  if (entry.capabilities) await run('setcap', [entry.capabilities, path]);
}
