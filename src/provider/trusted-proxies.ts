import type { IncomingMessage } from 'node:http';
import { familyOf, NetworkList } from './network-list.ts';
import { plainAddress } from './plain-address.ts';

/** What a request's proxies say of the caller. */
export interface Forwarded {
  /** The header `X-Forwarded-For` as it may be passed on; '' for none. */
  for: string;
  /** The caller's own address. */
  address: string;
  /** Whether what the request says of host and protocol may be passed on. */
  isTrusted: boolean;
}

/** More proxies than are ever behind each other. */
const mostHops = 50;

/** Proxies whose word on their callers is taken, by their addresses. */
export class TrustedProxies {
  readonly #list: NetworkList;

  /**
   * Reads a list such as `127.0.0.1, 10.0.0.0/8, fd00::/8`; `none` is nobody.
   * @throws RangeError when one of its entries is neither an address nor a network
   */
  constructor(text: string) {
    const entries = text.trim() === 'none' ? [] : text.split(/[\s,]+/).filter((part) => part !== '');
    this.#list = new NetworkList(entries);
  }

  /** Whether this is the address of one of them. */
  has(address: string): boolean {
    return this.#list.has(address);
  }

  /**
   * Says where a request comes from. Each proxy appends whom it was called by, so the list is read from its end as far as
   * they are trusted: the first that is not is the caller, and what is before it anybody may have written.
   */
  forwarded({ headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>): Forwarded {
    let address = plainAddress(socket.remoteAddress);
    if (!this.has(address)) return { for: '', address, isTrusted: false };
    const said = String(headers['x-forwarded-for'] ?? '').split(',');
    const passed: string[] = [];
    for (const entry of said.slice(-mostHops).reverse()) {
      const before = addressIn(entry);
      if (before === undefined || !this.has(address)) break;
      address = before;
      passed.unshift(before);
    }
    return { for: passed.join(', '), address, isTrusted: true };
  }
}

/** Reads an entry of X-Forwarded-For, which some proxies write with a port. */
function addressIn(entry: string): string | undefined {
  const text = entry.trim();
  const [, bracketed, , bare] = /^\[([^\]]*)\](:\d{1,5})?$|^([^:]*):\d{1,5}$/.exec(text) ?? [];
  const address = plainAddress(bracketed ?? bare ?? text);
  // A zone is of the host that wrote it.
  return familyOf(address) === undefined || address.includes('%') ? undefined : address;
}
