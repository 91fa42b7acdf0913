import { readFile, writeFile } from 'node:fs/promises';
import { absentAs } from '../../../base/absent-file.ts';
import { run } from '../host-command.ts';
import type { BridgePorts } from './bridge-ports.ts';
import { uplinkMtu, type HostLink, type HostLinks } from './host-links.ts';
import { safetyLookMs, type KeptLook, type KeptPart } from './kept-part.ts';
import { NetworkError } from './network-error.ts';
import type { Subnet } from './subnet.ts';

export interface BridgeInterfaceOptions {
  bridge: string;
  subnet: Subnet;
  /** The conflist's, where it names one. */
  mtu?: number;
  readLinks: () => Promise<HostLinks>;
  ports: BridgePorts;
}

/** The bridge with its address, and the ports of replicas on it, each isolated from the others. */
export class BridgeInterface implements KeptPart {
  readonly name = 'bridge';
  readonly everyMs = safetyLookMs;
  readonly hasEvents = true;
  readonly #options: BridgeInterfaceOptions;
  #mtu?: number;
  #wasKept = false;

  constructor(options: BridgeInterfaceOptions) {
    this.#options = options;
    this.#mtu = options.mtu;
  }

  /** The size of packets on the bridge, which new ports get as well; undefined before the first look. */
  get mtu(): number | undefined {
    return this.#mtu;
  }

  async keep(): Promise<KeptLook> {
    const { readLinks, mtu, ports } = this.#options;
    const host = await readLinks();
    this.#mtu = mtu ?? uplinkMtu(host);
    const mended = await this.#keepBridge(host, this.#mtu);
    await believeNoRouters(this.#options.bridge);
    return { mended: [...mended, ...(await ports.keep(host.links, this.#mtu))] };
  }

  async #keepBridge(host: HostLinks, mtu: number): Promise<string[]> {
    const { bridge } = this.#options;
    const link = host.links.find(({ name }) => name === bridge);
    if (link && link.kind !== 'bridge') {
      throw new NetworkError(
        `the interface ${bridge} of this host is not a bridge: rename it, or the bridge in the conflist`,
      );
    }
    const wrong = this.#wrongs(link, { mtu, hasRoute: host.routes.has(`${this.#options.subnet.cidr} ${bridge}`) });
    if (wrong.length > 0) await run('ip', ['-batch', '-'], { stdin: wrong.map(({ mend }) => `${mend}\n`).join('') });
    const wasKept = this.#wasKept;
    this.#wasKept = true;
    const said = wrong.map((one) => one.said).filter((text) => text !== '');
    return wasKept ? said.slice(0, 1) : [];
  }

  /** What is not as it should be, in the order in which it is to be mended; what follows from it needs no word. */
  #wrongs(link: HostLink | undefined, { mtu, hasRoute }: { mtu: number; hasRoute: boolean }): Wrong[] {
    const { bridge, subnet } = this.#options;
    const { gateway, cidr } = subnet;
    const address = `${gateway}/${subnet.length}`;
    const mac = macOf(subnet);
    // Of a subnet that was set before: it would keep the host from reaching who has those addresses elsewhere.
    const left = link?.addresses.filter((one) => one !== address && !one.endsWith('/32')) ?? [];
    // Both were read a moment apart, and one goes with the other: the same words, which are said once.
    const lost = `the bridge ${bridge} had lost its address or its route`;
    const checks: (Wrong & { isRight: boolean })[] = [
      {
        isRight: link !== undefined,
        said: `the bridge ${bridge} was gone`,
        mend: `link add ${bridge} address ${mac} type bridge`,
      },
      {
        // A plugin that found no bridge made one. Functions that know the gateway by the old address do not find it.
        isRight: link === undefined || link.mac === mac,
        said: `the bridge ${bridge} had another hardware address`,
        mend: `link set ${bridge} address ${mac}`,
      },
      {
        isRight: link?.addresses.includes(address) ?? false,
        said: lost,
        mend: `address replace ${address} dev ${bridge}`,
      },
      ...left.map((old) => ({ isRight: false, said: '', mend: `address delete ${old} dev ${bridge}` })),
      { isRight: link?.isUp ?? false, said: `the bridge ${bridge} was down`, mend: `link set ${bridge} up` },
      { isRight: link?.mtu === mtu, said: '', mend: `link set ${bridge} mtu ${mtu}` },
      {
        isRight: hasRoute,
        said: lost,
        mend: `route replace ${cidr} dev ${bridge} proto kernel scope link src ${gateway}`,
      },
    ];
    return checks.filter(({ isRight }) => !isRight);
  }
}

/** A function that may send raw packets could make itself the host's way out. */
async function believeNoRouters(bridge: string): Promise<void> {
  const file = `/proc/sys/net/ipv6/conf/${bridge}/accept_ra`;
  const value = await readFile(file, 'utf8').catch(absentAs('0'));
  if (value.trim() !== '0') await writeFile(file, '0');
}

interface Wrong {
  said: string;
  /** For `ip -batch`. */
  mend: string;
}

/** The same every time, so that functions need not look for the gateway again when the bridge is made anew. */
function macOf({ gateway }: Subnet): string {
  const bytes = gateway.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'));
  return ['0a', '58', ...bytes].join(':');
}
