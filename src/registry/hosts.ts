import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parse, type TomlTable } from 'smol-toml';
import { z } from 'zod';
import { absentAs } from '../base/absent-file.ts';
import { firstIssue } from '../base/first-issue.ts';
import { parseGoDuration } from '../base/go-duration.ts';
import { describeError } from '../base/log.ts';
import { quote } from '../base/quote.ts';
import { RegistryError } from './registry-error.ts';
import { isLoopback } from './reference.ts';
import type { TlsOptions } from './transport.ts';

/** One place that serves a registry's images: itself, or a mirror that hosts.toml names. */
export interface RegistryHost {
  /** Name that credentials are looked up by. */
  name: string;
  /** Address that ends with the API's path and no slash: `https://registry-1.docker.io/v2`. */
  url: URL;
  /** The registry that a mirror stands for, sent as `ns`, so that one mirror can serve several. */
  mirrorOf?: string;
  /** False where only digests may be asked for, because the host's tags may be old. */
  resolvesTags: boolean;
  headers: Record<string, string | string[]>;
  tls?: TlsOptions;
  connectTimeoutMs?: number;
}

const text = z.union([z.string(), z.array(z.string())]);
const hostShape = {
  capabilities: z.array(z.string()).optional(),
  ca: text.optional(),
  client: z.union([z.string(), z.array(z.union([z.string(), z.array(z.string())]))]).optional(),
  skip_verify: z.boolean().optional(),
  header: z.record(z.string(), text).optional(),
  override_path: z.boolean().optional(),
  dial_timeout: z.string().optional(),
};
const hostSchema = z.object(hostShape);
const fileSchema = z.object({
  ...hostShape,
  server: z.string().optional(),
  host: z.record(z.string(), hostSchema).optional(),
});

type HostSettings = z.infer<typeof hostSchema>;

/**
 * Reads which hosts to ask for a registry's images, in order: containerd's own mirror configuration
 * (https://github.com/containerd/containerd/blob/main/docs/hosts.md), so that the operator keeps one. It is read at each
 * call; without it there is the registry alone, over HTTPS unless it is on this host.
 * @param hostsDir `/etc/containerd/certs.d`, usually
 */
export async function registryHosts(registry: string, hostsDir?: string): Promise<RegistryHost[]> {
  const itself = { registry, address: registryAddress(registry), settings: {} };
  if (hostsDir === undefined) return [await readHost(itself)];
  const folder = await hostFolder(registry, hostsDir);
  if (folder === undefined) return [await readHost(itself)];
  const file = await readHostsToml(join(folder, 'hosts.toml'));
  if (!file) return [await readHost({ ...itself, folder, settings: await dockerStyleFiles(folder) })];

  const { server = itself.address, host: mirrors = {}, ...settings } = file;
  return Promise.all([
    ...Object.entries(mirrors).map(([address, mirror]) => readHost({ registry, address, settings: mirror, folder })),
    readHost({ registry, address: server, settings, folder }),
  ]);
}

function registryAddress(registry: string): string {
  if (registry === 'docker.io') return 'https://registry-1.docker.io';
  return isLoopback(registry) && !registry.endsWith(':443') ? `http://${registry}` : `https://${registry}`;
}

async function hostFolder(registry: string, hostsDir: string): Promise<string | undefined> {
  const present = new Set(await readdir(hostsDir).catch(absentAs<string[]>([])).catch(unreadable));
  const names = [registry.replace(/:(\d+)$/, '_$1_'), registry, '_default'];
  const name = names.find((candidate) => present.has(candidate));
  return name === undefined ? undefined : join(hostsDir, name);
}

async function readHostsToml(path: string): Promise<z.infer<typeof fileSchema> | undefined> {
  const content = await readFile(path, 'utf8').catch(absentAs(undefined)).catch(unreadable);
  if (content === undefined) return undefined;
  let table: TomlTable;
  try {
    table = parse(content);
  } catch (cause) {
    throw wrong(`${path} is no TOML: ${describeError(cause)}`, cause);
  }
  const result = fileSchema.safeParse(table);
  if (result.success) return result.data;
  throw wrong(`${path} is malformed: ${firstIssue(result.error, 'the file')}`, result.error);
}

/** Reads Docker's layout, as containerd does: `*.crt` are authorities, `x.cert` and `x.key` a client's pair. */
async function dockerStyleFiles(folder: string): Promise<HostSettings> {
  const names = (await readdir(folder)).sort();
  const pairs = names.filter((name) => name.endsWith('.cert')).map((name) => [name, name.replace(/cert$/, 'key')]);
  return { ca: names.filter((name) => name.endsWith('.crt')), client: pairs };
}

async function readHost(options: {
  registry: string;
  address: string;
  settings: HostSettings;
  folder?: string;
}): Promise<RegistryHost> {
  const { registry, address, settings, folder = '/' } = options;
  const url = URL.parse(address.includes('://') ? address : `https://${address}`);
  if (url === null || !/^https?:$/.test(url.protocol)) throw wrong(`hosts.toml of ${registry}: ${address} is no URL`);
  const path = url.pathname.replace(/\/+$/, '');
  url.pathname = settings.override_path || path.endsWith('/v2') ? path : `${path}/v2`;
  const itself = url.host === new URL(registryAddress(registry)).host;
  const tls = await readTls(settings, folder);
  return {
    name: itself ? registry : url.host,
    url,
    ...(!itself && { mirrorOf: registry }),
    resolvesTags: settings.capabilities?.includes('resolve') ?? true,
    headers: settings.header ?? {},
    ...(tls && { tls }),
    ...(settings.dial_timeout !== undefined && { connectTimeoutMs: dialTimeoutMs(settings.dial_timeout, registry) }),
  };
}

async function readTls({ ca, client, skip_verify }: HostSettings, folder: string): Promise<TlsOptions | undefined> {
  const read = async (name: string) => {
    const path = resolve(folder, name);
    return readFile(path, 'utf8').catch((cause: unknown) => {
      throw wrong(`cannot read ${path}, which the registry configuration names: ${describeError(cause)}`, cause);
    });
  };
  const authorities = await Promise.all([ca ?? []].flat().map(read));
  // A lone name is a file that holds both the certificate and its key.
  const pairs = [client ?? []].flat().map((pair) => (typeof pair === 'string' ? [pair, pair] : pair));
  const certs = await Promise.all(pairs.map(([cert = '']) => read(cert)));
  const keys = await Promise.all(pairs.map(([cert = '', key = cert]) => read(key)));
  if (authorities.length === 0 && certs.length === 0 && !skip_verify) return undefined;
  return {
    ...(authorities.length > 0 && { ca: authorities }),
    ...(certs.length > 0 && { cert: certs, key: keys }),
    ...(skip_verify && { rejectUnauthorized: false }),
  };
}

function dialTimeoutMs(text: string, registry: string): number {
  try {
    const ms = parseGoDuration(text);
    if (ms > 0) return ms;
  } catch {
    // Said below, in the words of hosts.toml.
  }
  throw wrong(`hosts.toml of ${registry}: dial_timeout ${quote(text)} is no duration such as 3s`);
}

function unreadable(cause: unknown): never {
  throw wrong(`cannot read the registry configuration: ${describeError(cause)}`, cause);
}

function wrong(message: string, cause?: unknown): RegistryError {
  return new RegistryError('configuration', message, { cause });
}
