import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { absentAs } from '../../../base/absent-file.ts';
import type { KeptLook, KeptPart } from './kept-part.ts';

const switchFile = '/proc/sys/net/ipv4/ip_forward';

export interface IpForwardingOptions {
  bridge: string;
  /** Is there from when it was us who switched it on until the host reboots. */
  markFile: string;
}

/** The host's switch for IPv4 forwarding, without which functions reach nothing outside. */
export class IpForwarding implements KeptPart {
  readonly name = 'forwarding';
  readonly everyMs = 2000;
  readonly hasEvents = false;
  readonly #options: IpForwardingOptions;
  #looked = false;

  constructor(options: IpForwardingOptions) {
    this.#options = options;
  }

  async keep(): Promise<KeptLook> {
    const isFirst = !this.#looked;
    const { markFile, bridge } = this.#options;
    if (!isOff(switchFile)) {
      this.#looked = true;
      return this.#keepOwn(`/proc/sys/net/ipv4/conf/${bridge}/forwarding`);
    }
    await mkdir(dirname(markFile), { recursive: true });
    await writeFile(markFile, 'net.ipv4.ip_forward was 0: berth set it to 1 and forwards for functions alone\n');
    await writeFile(switchFile, '1');
    this.#looked = true;
    return isFirst ? {} : { mended: ['net.ipv4.ip_forward had been switched off'] };
  }

  // The host's switch turns those of all interfaces, each of which can be turned by itself.
  async #keepOwn(file: string): Promise<KeptLook> {
    if (!isOff(file)) return {};
    await writeFile(file, '1');
    return { mended: [`forwarding had been switched off for ${this.#options.bridge}`] };
  }

  /** True when nobody but us wanted this host to forward. */
  async isOurs(): Promise<boolean> {
    const mark = await readFile(this.#options.markFile, 'utf8').catch(absentAs(undefined));
    return mark !== undefined;
  }

  /** Switches it off where it was us who switched it on. */
  async remove(): Promise<void> {
    if (!(await this.isOurs())) return;
    await writeFile(switchFile, '0');
    await rm(this.#options.markFile);
  }
}

// At once: the kernel answers from memory, and by the pool of threads each look would take it ten turns.
function isOff(file: string): boolean {
  return existsSync(file) && readFileSync(file, 'utf8').trim() === '0';
}
