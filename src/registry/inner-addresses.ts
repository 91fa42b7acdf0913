import { lookup } from 'node:dns';
import { lookup as lookUp } from 'node:dns/promises';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { RegistryError } from './registry-error.ts';

/** What only this host can ask: itself, its links, and the metadata services of clouds that are not on those. */
const inner = new BlockList();
inner.addSubnet('0.0.0.0', 8);
inner.addSubnet('127.0.0.0', 8);
inner.addSubnet('169.254.0.0', 16);
inner.addAddress('168.63.129.16');
inner.addAddress('100.100.100.200');
inner.addSubnet('::', 127, 'ipv6');
inner.addSubnet('fe80::', 10, 'ipv6');
inner.addAddress('fd00:ec2::254', 'ipv6');

/**
 * Keeps a registry from having this host ask what it cannot ask itself: by a redirect, or by a token server's address, it
 * would reach this host's own services and a cloud's metadata. A registry that is there itself may lead there.
 */
export class InnerAddressGuard {
  readonly #from: string;
  readonly #to: string;

  constructor(from: URL, to: URL) {
    [this.#from, this.#to] = [hostOf(from), hostOf(to)];
  }

  /** @throws RegistryError of kind `refused` when the URL has such an address */
  async check(): Promise<void> {
    if (this.#from !== this.#to && isInner(this.#to) && !(await this.#isFromInside())) throw this.#refusal();
  }

  /** Resolves a name as Node does, and fails where it leads to such an address: the one that is connected to is checked. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const answer = () => {
        if (error) callback(error, []);
        else if (options.all) callback(null, addresses);
        else callback(null, addresses[0]?.address ?? '', addresses[0]?.family);
      };
      const isSuspect = !error && this.#from !== this.#to && addresses.some(({ address }) => isInner(address));
      if (!isSuspect) return answer();
      void this.#isFromInside().then((may) => (may ? answer() : callback(this.#refusal(), [])));
    });
  };

  async #isFromInside(): Promise<boolean> {
    if (isIP(this.#from)) return isInner(this.#from);
    const addresses = await lookUp(this.#from, { all: true }).catch(() => []);
    return addresses.some(({ address }) => isInner(address));
  }

  #refusal(): RegistryError {
    const problem = `${this.#from} leads to ${this.#to}, which is an address of this host or of its cloud`;
    return new RegistryError('refused', `${problem}: only a registry that is there itself may do so`);
  }
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}

function isInner(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && inner.check(address, family === 4 ? 'ipv4' : 'ipv6');
}
