import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { absentAs } from '../../../base/absent-file.ts';
import type { KeptLook, KeptPart } from './kept-part.ts';

const switchFile = '/proc/sys/net/ipv4/ip_forward';

/** The host's switch for IPv4 forwarding, without which functions reach nothing outside. */
export class IpForwarding implements KeptPart {
  readonly name = 'forwarding';
  readonly everyMs = 2000;
  readonly hasEvents = false;
  readonly #markFile: string;
  #looked = false;

  /** @param markFile is there from when it was us who switched it on until the host reboots */
  constructor(markFile: string) {
    this.#markFile = markFile;
  }

  async keep(): Promise<KeptLook> {
    const isFirst = !this.#looked;
    if ((await readFile(switchFile, 'utf8')).trim() !== '0') {
      this.#looked = true;
      return {};
    }
    await mkdir(dirname(this.#markFile), { recursive: true });
    await writeFile(this.#markFile, 'net.ipv4.ip_forward was 0: berth set it to 1 and forwards for functions alone\n');
    await writeFile(switchFile, '1');
    this.#looked = true;
    return isFirst ? {} : { mended: ['net.ipv4.ip_forward had been switched off'] };
  }

  /** True when nobody but us wanted this host to forward. */
  async isOurs(): Promise<boolean> {
    const mark = await readFile(this.#markFile, 'utf8').catch(absentAs(undefined));
    return mark !== undefined;
  }
}
