import { isIPv4 } from 'node:net';
import { familyOf, NetworkList, quote } from '../../provider/index.ts';

/** What this host can reach and a stranger cannot: itself, its links, private networks, and the metadata services of clouds. */
const innerNetworks = new NetworkList([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/3',
  // Teredo and the rest of what only protocols use.
  '2001::/23',
]);

/** All else of IPv6 is of this host, of a link, private, multicast, or nobody's. */
const globalIPv6 = new NetworkList(['2000::/3']);

/** IPv6 addresses in which an IPv4 one is written, that then counts: mapped, NAT64, 6to4. The group where it begins. */
const carriers: [NetworkList, number][] = [
  [new NetworkList(['::ffff:0:0/96', '64:ff9b::/96']), 6],
  [new NetworkList(['2002::/16']), 1],
];

const hostName = /^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/;

/** Where callbacks may go: to every public address of others, and to what the operator allows beside. */
export class CallbackAllow {
  /** The operator allows nothing beside public addresses. */
  readonly isNone: boolean;
  readonly #networks: NetworkList;
  readonly #names: string[];

  /**
   * Reads a list such as `192.168.0.0/16, fd00::/8, hooks.lan, *.corp.example`; `none` is nothing beside public addresses.
   * @throws RangeError when one of its entries is neither an address, nor a network, nor a name
   */
  constructor(text = 'none') {
    const entries = text.trim() === 'none' ? [] : text.toLowerCase().split(/[\s,]+/);
    this.isNone = entries.every((entry) => entry === '');
    const isNetwork = (entry: string) => familyOf(entry.replace(/\/.*$/, '')) !== undefined;
    this.#networks = new NetworkList(entries.filter(isNetwork));
    this.#names = entries.filter((entry) => entry !== '' && !isNetwork(entry)).map(toName);
  }

  /** Whether the operator allows a name, wherever it leads. */
  hasName(name: string): boolean {
    const plain = name.toLowerCase().replace(/\.$/, '');
    return this.#names.some((entry) => (entry.startsWith('*') ? plain.endsWith(entry.slice(1)) : plain === entry));
  }

  /**
   * Whether an address may be called: it is public and not among our own, or allowed.
   * @param own all addresses of this host: its ports are open to itself which a firewall closes to others
   */
  hasAddress(address: string, own = new NetworkList([])): boolean {
    const bare = address.replace(/%.*$/, '');
    const inside = isIPv4(bare) ? bare : carriedBy(bare);
    if (this.#networks.has(bare) || (inside !== undefined && this.#networks.has(inside))) return true;
    if (own.has(inside ?? bare) || (inside === undefined && !globalIPv6.has(bare))) return false;
    return !innerNetworks.has(inside ?? bare);
  }
}

function toName(entry: string): string {
  // What ends in a number would be read as an address.
  if (hostName.test(entry) && !/(^|\.)(\d+|0x[\da-f]*)$/.test(entry)) return entry;
  throw new RangeError(`${quote(entry)} is neither an address, a network such as 192.168.0.0/16, nor a host name`);
}

function carriedBy(address: string): string | undefined {
  const [, at] = carriers.find(([networks]) => networks.has(address)) ?? [];
  if (at === undefined) return undefined;
  const [high = 0, low = 0] = groupsOf(address).slice(at);
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): number[] {
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const read = (groups = '') =>
    groups
      .split(':')
      .filter(Boolean)
      .map((group) => parseInt(group, 16));
  const [first, last] = [read(head), read(tail)];
  return [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last];
}
