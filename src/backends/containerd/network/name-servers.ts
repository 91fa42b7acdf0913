import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dns } from '../../../provider/index.ts';
import { absentAs } from '../../../base/absent-file.ts';
import type { KeptLook, KeptPart } from './kept-part.ts';
import { dnsOf, hostResolvConfPaths, readResolvConf, rewriteResolvConf } from './prepare-files.ts';

export interface NameServersOptions {
  /** Has a folder for each replica, with its resolv.conf. */
  filesDir: string;
  gateway: string;
  /** The host's resolv.conf files, first choice first. */
  resolvConfPaths?: string[];
  /** What all functions have instead of the host's, unless they have their own. */
  dns?: Dns;
}

/** The name servers of running functions, which follow those of the host: DHCP, Wi-Fi and VPNs change them. */
export class NameServers implements KeptPart {
  readonly name = 'dns';
  readonly everyMs = 2000;
  readonly hasEvents = false;
  readonly #options: NameServersOptions & { resolvConfPaths: string[] };
  #written = '';
  /** Looks that have found the same. */
  #times = 0;
  #found = '';

  constructor(options: NameServersOptions) {
    this.#options = { resolvConfPaths: hostResolvConfPaths, ...options };
  }

  async keep(): Promise<KeptLook> {
    const { gateway, resolvConfPaths, dns } = this.#options;
    const { text, usesGateway, nameservers } = await readResolvConf(resolvConfPaths, gateway, dns);
    const isMissed = usesGateway && (await this.#replicas()).length > 0;
    const problems = isMissed ? [missing(gateway, resolvConfPaths)] : [];
    this.#times = text === this.#found ? this.#times + 1 : 1;
    this.#found = text;
    // A file that is being written is empty for a moment.
    if (usesGateway && this.#written !== '' && this.#times === 1) return {};
    // Twice: a replica that was being made meanwhile may have got the text before.
    if (text === this.#written && this.#times > 2) return { problems };
    const changed = await this.#rewrite(text);
    this.#written = text;
    if (changed === 0) return { problems };
    return {
      mended: [`name servers changed to ${nameservers.join(' ')}, resolv.conf of ${changed} replicas with them`],
      problems,
    };
  }

  async #rewrite(shared: string): Promise<number> {
    const { filesDir, gateway, resolvConfPaths, dns } = this.#options;
    const textWith = async (own: Dns) => (await readResolvConf(resolvConfPaths, gateway, dnsOf(dns, own))).text;
    let changed = 0;
    for (const id of await this.#replicas()) {
      if (await rewriteResolvConf(join(filesDir, id), shared, textWith)) changed += 1;
    }
    return changed;
  }

  #replicas(): Promise<string[]> {
    return readdir(this.#options.filesDir).catch(absentAs<string[]>([]));
  }
}

function missing(gateway: string, paths: string[]) {
  return {
    message: 'no name server that functions can reach: make the local resolver listen on the gateway address',
    fields: { gateway, looked: paths.join(', ') },
    isNote: true,
  };
}
