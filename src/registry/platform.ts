import { RegistryError } from './registry-error.ts';
import type { ImageIndex, IndexEntry } from './manifest.ts';

/** An operating system and a processor in the words of the OCI image spec: `{os: 'linux', architecture: 'arm', variant: 'v7'}`. */
export interface Platform {
  os: string;
  architecture: string;
  variant?: string | null;
}

const architectures: Record<string, string> = {
  x64: 'amd64',
  x86_64: 'amd64',
  'x86-64': 'amd64',
  ia32: '386',
  i386: '386',
  i686: '386',
  aarch64: 'arm64',
  ppc64: 'ppc64le',
};

/** Tells the platform of this host by `os.machine()` (`x86_64`, `aarch64`, `armv7l`) or `process.arch`. */
export function hostPlatform(machine: string): Platform {
  const arm = /^armv([5-8])/.exec(machine);
  return normalizePlatform({
    os: 'linux',
    ...(arm ? { architecture: 'arm', variant: arm[1] } : { architecture: machine }),
  });
}

/** Writes a platform in its one spelling, by the rules of https://github.com/containerd/platforms. */
function normalizePlatform({ os, architecture, variant }: Platform): Platform & { variant: string } {
  const name = architecture.toLowerCase();
  const version = (variant ?? '').toLowerCase().replace(/^(\d)/, 'v$1').replace(/\.0$/, '');
  const normal = (arch: string, v: string) => ({ os: os.toLowerCase(), architecture: arch, variant: v });
  if (name === 'armhf') return normal('arm', 'v7');
  if (name === 'armel') return normal('arm', 'v6');
  if (name === 'arm') return normal('arm', version || 'v7');
  const arch = architectures[name] ?? name;
  if (arch === 'amd64' && version === 'v1') return normal(arch, '');
  if (arch === 'arm64' && version === 'v8') return normal(arch, '');
  return normal(arch, version);
}

/** Writes a platform as `os/architecture/variant`. */
export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = normalizePlatform(platform);
  return [os, architecture, variant].filter(Boolean).join('/');
}

/** Says whether a platform is one of 32 bits, which a host of 64 bits runs in another mode of its processor. */
export function is32Bit(platform: Platform): boolean {
  return ['386', 'arm'].includes(normalizePlatform(platform).architecture);
}

/**
 * Picks the best entry of an index for this host. An entry without a platform comes last and is judged by its config
 * ({@link checkPlatform}).
 * @throws RegistryError of kind `platform` when there is nothing for this host
 */
export function choosePlatform(index: ImageIndex, host: Platform, image: string): IndexEntry {
  const wanted = runnablePlatforms(host);
  const ranked = index.manifests
    .map((entry) => ({ entry, rank: entry.platform ? wanted.indexOf(formatPlatform(entry.platform)) : wanted.length }))
    .filter(({ rank }) => rank >= 0)
    .sort((a, b) => a.rank - b.rank);
  const best = ranked[0]?.entry;
  if (best) return best;
  throw wrongPlatform(
    image,
    index.manifests.flatMap(({ platform }) => platform ?? []),
    host,
  );
}

/**
 * Checks that a host can run an image, in place of the "exec format error" that would follow.
 * @throws RegistryError of kind `platform` when it cannot
 */
export function checkPlatform(config: Platform, host: Platform, image: string): void {
  // Images from old builders name no platform: nothing to check.
  if (config.os === '' && config.architecture === '') return;
  if (!runnablePlatforms(host).includes(formatPlatform(config))) throw wrongPlatform(image, [config], host);
}

/** Lists the platforms that a host can run, best first. */
function runnablePlatforms(host: Platform): string[] {
  const { os, architecture, variant } = normalizePlatform(host);
  const arm = (newest: number) => [8, 7, 6, 5].filter((v) => v <= newest).map((v) => `${os}/arm/v${v}`);
  switch (architecture) {
    case 'amd64':
      // Built for newer processors of the family: nearly every host is one, and those that are not say "illegal instruction".
      return ['amd64', 'amd64/v2', 'amd64/v3', 'amd64/v4', '386'].map((name) => `${os}/${name}`);
    case 'arm64':
      return [`${os}/arm64`, ...arm(8)];
    case 'arm':
      return arm(Number(variant.slice(1)));
    default:
      return [formatPlatform(host)];
  }
}

function wrongPlatform(image: string, offered: Platform[], host: Platform): RegistryError {
  // Builders' attestations are entries for the platform unknown/unknown.
  const names = [...new Set(offered.map(formatPlatform))].filter((name) => name !== 'unknown/unknown');
  const needed = formatPlatform(host);
  const has = names.length > 0 ? names.join(', ') : 'no platform at all';
  return new RegistryError(
    'platform',
    `image ${image} has ${has}; this host is ${needed}: build it with --platform ${needed}`,
  );
}
