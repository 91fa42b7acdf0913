import { stat, statfs } from 'node:fs/promises';
import { availableParallelism, freemem, hostname, loadavg, release, totalmem, uptime } from 'node:os';
import path from 'node:path';
import { absentAs } from '../../base/absent-file.ts';
import { describeError, type Log } from '../../base/log.ts';
import { monotonicMs } from '../../base/monotonic.ts';
import { runProgram, systemPath } from '../../base/run-program.ts';
import type { Containerd } from '../../containerd/index.ts';
import type { HostFacts } from '../../provider/index.ts';
import type { ContainerdStorage } from './containerd-storage.ts';

/** Programs are asked no sooner again. */
const versionsKeptMs = 60_000;
const askMs = 5000;

export interface HostReportOptions {
  containerd: Pick<Containerd, 'version'>;
  storage: Pick<ContainerdStorage, 'folders'>;
  /** Version of berth. */
  release: string;
  ociRuntime: string;
  /** Folders of CNI plugins. */
  cniBinDirs: string[];
  /** Folders by the settings that name them. */
  folders: Record<string, string>;
  log: Log;
}

/** Says how the host is. */
export class HostReport {
  readonly #options: HostReportOptions;
  #versions?: { askedAtMs: number; found: Promise<Record<string, string>> };

  constructor(options: HostReportOptions) {
    this.#options = options;
  }

  async read(): Promise<HostFacts> {
    const { folders, storage } = this.#options;
    const [versions, disks] = await Promise.all([this.#knownVersions(), disksOf({ ...folders, ...named(storage) })]);
    return {
      hostname: hostname(),
      kernel: release(),
      versions,
      cpus: availableParallelism(),
      load: loadavg(),
      memoryBytes: totalmem(),
      freeMemoryBytes: freemem(),
      disks,
      uptimeSeconds: Math.floor(uptime()),
    };
  }

  #knownVersions(): Promise<Record<string, string>> {
    if (!this.#versions || monotonicMs() - this.#versions.askedAtMs > versionsKeptMs)
      this.#versions = { askedAtMs: monotonicMs(), found: this.#askVersions() };
    return this.#versions.found;
  }

  async #askVersions(): Promise<Record<string, string>> {
    const { containerd, release: berth, ociRuntime, cniBinDirs } = this.#options;
    const asked: Record<string, Promise<string | undefined>> = {
      containerd: this.#orUnknown('containerd', async () => (await containerd.version({ timeoutMs: askMs })).version),
      [ociRuntime]: this.#orUnknown(ociRuntime, () => versionSaid(ociRuntime, ['--version'])),
      'CNI plugins': this.#orUnknown('CNI plugins', () => pluginVersion(cniBinDirs)),
    };
    const found = await Promise.all(
      Object.entries(asked).map(async ([name, version]) => [name, await version] as const),
    );
    const known = found.filter((each): each is [string, string] => each[1] !== undefined);
    return { berth, 'Node.js': process.versions.node, ...Object.fromEntries(known) };
  }

  async #orUnknown(what: string, ask: () => Promise<string | undefined>): Promise<string | undefined> {
    try {
      return (await ask())?.replace(/^v/, '');
    } catch (error) {
      this.#options.log.debug('could not ask for a version', { what, error: describeError(error) });
      return undefined;
    }
  }
}

/** Runs a program, and returns the version that it prints: `runc version 1.1.5`, `CNI bridge plugin v1.1.1`. */
async function versionSaid(program: string, args: string[]): Promise<string | undefined> {
  const env = { PATH: systemPath };
  const { stdout, stderr } = await runProgram(program, { args, env, timeoutMs: askMs });
  return /(?:version |\bv)(\d[^\s,]*)/.exec(stdout + stderr)?.[1];
}

/** A plugin that is told to do nothing says who it is; all come of one package. */
async function pluginVersion(folders: string[]): Promise<string | undefined> {
  for (const folder of folders) {
    const plugin = path.join(folder, 'bridge');
    if (await stat(plugin).catch(absentAs(undefined))) return versionSaid(plugin, []);
  }
  return undefined;
}

/** Where containerd has its images and file systems, mostly one disk. */
function named({ folders }: Pick<ContainerdStorage, 'folders'>): Record<string, string> {
  const [folder] = folders;
  return folder === undefined ? {} : { containerd: folder };
}

/** Returns the disks of folders, each once, under the names of all that is on it. */
async function disksOf(folders: Record<string, string>): Promise<HostFacts['disks']> {
  const disks = new Map<number, HostFacts['disks'][number]>();
  for (const [name, folder] of Object.entries(folders)) {
    const found = await stat(folder).catch(absentAs(undefined));
    if (!found) continue;
    const known = disks.get(found.dev);
    if (known) {
      known.name += `, ${name}`;
      continue;
    }
    const { bsize, blocks, bavail } = await statfs(folder);
    disks.set(found.dev, { name, path: folder, bytes: blocks * bsize, freeBytes: bavail * bsize });
  }
  return [...disks.values()];
}
