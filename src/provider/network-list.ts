import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { plainAddress } from './plain-address.ts';

/** Addresses and networks of both kinds, as `10.0.0.0/8` or `::1`. */
export class NetworkList {
  readonly #list = new BlockList();

  /** @throws RangeError when one of the entries is neither an address nor a network */
  constructor(entries: Iterable<string>) {
    for (const entry of entries) this.#add(entry);
  }

  #add(entry: string): void {
    const [given = '', bits, ...rest] = entry.split('/');
    const address = plainAddress(given);
    const family = familyOf(address);
    const most = family === 'ipv4' ? 32 : 128;
    const length = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : most + 1;
    if (family === undefined || rest.length > 0 || length > most) throw new RangeError(`${entry} is no network`);
    // A list takes none of all addresses.
    if (length > 0) return this.#list.addSubnet(address, length, family);
    const halves = family === 'ipv4' ? ['0.0.0.0', '128.0.0.0'] : ['::', '8000::'];
    for (const half of halves) this.#list.addSubnet(half, 1, family);
  }

  /** Whether this is an address that one of the entries covers. */
  has(address: string): boolean {
    const family = familyOf(address);
    return family !== undefined && this.#list.check(address, family);
  }
}

export function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  if (isIPv4(address)) return 'ipv4';
  return isIPv6(address) ? 'ipv6' : undefined;
}
