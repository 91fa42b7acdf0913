import { mkdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { absentAs } from '../../../base/absent-file.ts';
import { succeeds } from '../host-command.ts';
import type { KeptLook, KeptPart } from './kept-part.ts';

export interface NetworkdFileOptions {
  bridge: string;
  /** There where systemd-networkd has run since the boot. */
  stateDir?: string;
  /** Where systemd-networkd looks for files of this name, the administrator's first and ours last. */
  dirs?: string[];
}

/**
 * Keeps systemd-networkd away from the bridge and its ports, which it takes off the bridge where a file of the host's
 * matches them, such as one for all of `Type=ether`. A file of the same name under /etc is the administrator's and stays.
 */
export class NetworkdFile implements KeptPart {
  readonly name = 'networkd';
  readonly everyMs = 4000;
  readonly hasEvents = false;
  readonly #options: Required<NetworkdFileOptions>;
  #wasKept = false;

  constructor(options: NetworkdFileOptions) {
    this.#options = {
      stateDir: '/run/systemd/netif',
      dirs: ['/etc/systemd/network', '/run/systemd/network'],
      ...options,
    };
  }

  async keep(): Promise<KeptLook> {
    const { stateDir, bridge } = this.#options;
    if (!(await stat(stateDir).catch(absentAs(undefined)))) return {};
    const wanted = `[Match]\nName=${bridge} veth*\n\n[Link]\nUnmanaged=yes\n`;
    const files = this.#files();
    const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(absentAs(undefined))));
    const wasKept = this.#wasKept;
    this.#wasKept = true;
    if (texts.slice(0, -1).some((text) => text !== undefined) || texts.at(-1) === wanted) return {};
    const file = files.at(-1) ?? '';
    await mkdir(join(file, '..'), { recursive: true });
    await writeFile(file, wanted);
    await succeeds('networkctl', ['reload']);
    return wasKept ? { mended: [`${file} was gone or had been changed`] } : {};
  }

  /** Takes our file away, and no other's. */
  async remove(): Promise<void> {
    const file = this.#files().at(-1) ?? '';
    if (!(await stat(file).catch(absentAs(undefined)))) return;
    await rm(file);
    await rmdir(dirname(file)).catch(() => undefined);
    await succeeds('networkctl', ['reload']);
  }

  #files(): string[] {
    return this.#options.dirs.map((dir) => join(dir, `00-berth-${this.#options.bridge}.network`));
  }
}
