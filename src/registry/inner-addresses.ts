import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { RegistryError } from './registry-error.ts';

/** What only this host can ask: itself, and its links with the metadata services of clouds, of which some are not on those. */
const itself = new BlockList();
itself.addSubnet('0.0.0.0', 8);
itself.addSubnet('127.0.0.0', 8);
itself.addSubnet('::', 127, 'ipv6');
const links = new BlockList();
links.addSubnet('169.254.0.0', 16);
for (const metadata of ['168.63.129.16', '100.100.100.200', '192.0.0.192']) links.addAddress(metadata);
links.addSubnet('fe80::', 10, 'ipv6');
for (const metadata of ['fd00:ec2::254', 'fd20:ce::254', 'fd00:42::42']) links.addAddress(metadata, 'ipv6');

/** Who leads somewhere: a registry, with the address that it answered from; absent where a proxy asked it. */
export interface Leader {
  host: string;
  address?: string;
}

/**
 * Keeps a registry from having this host ask what it cannot ask itself: by a redirect, or by a token server's address, it
 * would reach this host's own services and a cloud's metadata. A registry that is there itself may lead there. What counts
 * are the addresses of the connections: names may mean another one the next time.
 */
export class InnerAddressGuard {
  readonly #from: Leader;
  readonly #to: string;

  constructor(from: Leader, to: URL) {
    this.#from = from;
    this.#to = hostOf(to);
  }

  /**
   * @param address that is connected to, or the host of a URL
   * @throws RegistryError of kind `refused` where it may not lead there
   */
  check(address = this.#to): void {
    const refusal = this.#refusal([address]);
    if (refusal) throw refusal;
  }

  /** Resolves a name as Node does, and fails where it leads to such an address: the one that is connected to is checked. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const refusal = error ?? this.#refusal(addresses.map(({ address }) => address));
      if (refusal) callback(refusal, []);
      else if (options.all) callback(null, addresses);
      else callback(null, addresses[0]?.address ?? '', addresses[0]?.family);
    });
  };

  #refusal(addresses: string[]): RegistryError | undefined {
    const { host, address = host } = this.#from;
    const own = areaOf(address);
    if (addresses.map(areaOf).every((area) => area === undefined || area === own)) return undefined;
    const problem = `${host} leads to ${this.#to}, which is an address of this host or of its cloud`;
    return new RegistryError('refused', `${problem}: only a registry that is there itself may do so`);
  }
}

export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}

function areaOf(address: string): BlockList | undefined {
  const family = isIP(address);
  return family === 0 ? undefined : [itself, links].find((area) => area.check(address, family === 4 ? 'ipv4' : 'ipv6'));
}
