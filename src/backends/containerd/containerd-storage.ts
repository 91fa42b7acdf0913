import type { Containerd } from '../../containerd/index.ts';
import type { Log } from '../../base/log.ts';
import { ProviderError } from '../../provider/index.ts';

/** Takes the place of overlayfs where containerd refuses it, such as in an unprivileged container or on ZFS. */
const fallback = 'native';
/** Their file systems are on devices or images, in which berth cannot read the files that say who a function runs as. */
const unreadable = ['blockfile', 'btrfs', 'devmapper', 'erofs', 'windows', 'windows-lcow', 'zfs'];

export interface ContainerdStorageOptions {
  containerd: Pick<Containerd, 'introspection'>;
  /** Name of the snapshotter that is wanted for new replicas. */
  wanted: string;
  log: Log;
}

/** Knows which snapshotter of containerd holds the file systems of new replicas, and where containerd keeps its files. */
export class ContainerdStorage {
  readonly #options: ContainerdStorageOptions;
  #snapshotter?: string;
  #folders: string[] = [];

  constructor(options: ContainerdStorageOptions) {
    this.#options = options;
  }

  /** Folders with containerd's images and file systems; none before containerd was asked. */
  get folders(): string[] {
    return this.#folders;
  }

  /**
   * Names the snapshotter for new replicas and images.
   * @throws ProviderError 503 when containerd has none that can be used, naming those that it has
   */
  async snapshotter(): Promise<string> {
    return this.#snapshotter ?? (await this.look());
  }

  /**
   * Asks containerd what it has, as it may be another since its last start.
   * @returns the name of the snapshotter
   * @throws ProviderError 503 when containerd has none that can be used, naming those that it has
   */
  async look(): Promise<string> {
    const { introspection } = this.#options.containerd;
    const [content, plugins] = await Promise.all(
      ['io.containerd.content.v1', 'io.containerd.snapshotter.v1'].map((type) => introspection.plugins(type)),
    );
    const loaded = (plugins ?? []).filter(({ failure }) => failure === undefined);
    const failure = plugins?.find(({ id }) => id === this.#options.wanted)?.failure;
    const before = this.#snapshotter;
    this.#snapshotter = undefined;
    const name = this.#choose(
      loaded.map(({ id }) => id),
      failure,
    );
    if (name !== this.#options.wanted && name !== before) {
      const problem = `containerd refuses ${this.#options.wanted}, using ${name}: each replica takes a copy of its image`;
      this.#options.log.warn(problem, { reason: failure ?? 'it has no such snapshotter' });
    }
    const used = [...(content ?? []), ...loaded.filter(({ id }) => id === name)];
    this.#folders = used.flatMap(({ exports: { root } }) => root ?? []);
    return (this.#snapshotter = name);
  }

  #choose(loaded: string[], failure: string | undefined): string {
    const { wanted } = this.#options;
    const usable = loaded.filter((name) => !unreadable.includes(name));
    if (usable.includes(wanted)) return wanted;
    if (wanted === 'overlayfs' && usable.includes(fallback)) return fallback;
    const isThere = loaded.includes(wanted);
    const problem = isThere
      ? `berth cannot read what snapshotter ${wanted} keeps`
      : `containerd has no snapshotter ${wanted}`;
    const why = failure ? ` (${failure})` : '';
    const choice =
      usable.length > 0 ? `set snapshotter to one that it has: ${usable.join(', ')}` : 'it has none, see its log';
    throw new ProviderError(503, `${problem}${why}: ${choice}`);
  }
}
