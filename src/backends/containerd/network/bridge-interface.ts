import { describeError, type Log } from '../../../base/log.ts';
import { run } from '../host-command.ts';
import { uplinkMtu, type HostLink, type HostLinks } from './host-links.ts';
import type { KeptLook, KeptPart } from './kept-part.ts';
import { NetworkError } from './network-error.ts';
import type { Subnet } from './subnet.ts';

export interface BridgeInterfaceOptions {
  bridge: string;
  subnet: Subnet;
  /** The conflist's, where it names one. */
  mtu?: number;
  readLinks: () => Promise<HostLinks>;
  /** Ids of replicas that have a result of the CNI plugins. */
  attachedIds: () => Promise<string[]>;
  /** Calls `mend` with the name of the replica's port on the host, while nobody attaches or detaches it. */
  withPort: (id: string, mend: (port: string) => Promise<void>) => Promise<void>;
  log: Log;
}

/** The bridge with its address, and the ports of replicas on it, each isolated from the others. */
export class BridgeInterface implements KeptPart {
  readonly name = 'bridge';
  readonly everyMs = 30_000;
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
    const host = await this.#options.readLinks();
    const { bridge } = this.#options;
    const link = host.links.find(({ name }) => name === bridge);
    this.#mtu = this.#options.mtu ?? uplinkMtu(host);
    const mended = await this.#keepBridge(link);
    const ports = link ? host.links.filter(({ master }) => master === bridge) : [];
    return { mended: [...mended, ...(await this.#isolate(ports)), ...(await this.#putBack(ports, host.links))] };
  }

  async #keepBridge(link: HostLink | undefined): Promise<string[]> {
    const { bridge, subnet } = this.#options;
    if (link && link.kind !== 'bridge') {
      throw new NetworkError(
        `the interface ${bridge} of this host is not a bridge: rename it, or the bridge in the conflist`,
      );
    }
    const wrong = [
      ...(link
        ? []
        : [{ said: `the bridge ${bridge} was gone`, mend: `link add ${bridge} address ${macOf(subnet)} type bridge` }]),
      ...(link?.addresses.includes(subnet.gateway)
        ? []
        : [
            {
              said: `the bridge ${bridge} had no address`,
              mend: `address replace ${subnet.gateway}/${lengthOf(subnet)} dev ${bridge}`,
            },
          ]),
      ...(link?.isUp ? [] : [{ said: `the bridge ${bridge} was down`, mend: `link set ${bridge} up` }]),
      ...(link?.mtu === this.#mtu ? [] : [{ said: '', mend: `link set ${bridge} mtu ${this.#mtu}` }]),
    ];
    if (wrong.length > 0) await run('ip', ['-batch', '-'], { stdin: wrong.map(({ mend }) => `${mend}\n`).join('') });
    const wasKept = this.#wasKept;
    this.#wasKept = true;
    const said = wrong.map((one) => one.said).filter((text) => text !== '');
    return wasKept ? said.slice(0, 1) : [];
  }

  async #isolate(ports: HostLink[]): Promise<string[]> {
    const open = ports.filter(({ kind, isIsolated }) => kind === 'veth' && !isIsolated);
    if (open.length === 0) return [];
    const lines = open.map(({ name }) => `link set dev ${name} type bridge_slave isolated on\n`);
    // A port may have gone meanwhile, with its replica: the others are to be isolated all the same.
    await run('ip', ['-force', '-batch', '-'], { stdin: lines.join('') }).catch((error: unknown) =>
      this.#options.log.debug('not every port could be isolated', { error: describeError(error) }),
    );
    return [`${open.length} ports of functions were not isolated`];
  }

  /** Puts ports back that are there but not on the bridge, as after its removal. */
  async #putBack(ports: HostLink[], links: HostLink[]): Promise<string[]> {
    const { attachedIds, withPort, bridge, log } = this.#options;
    const ids = await attachedIds();
    if (ids.length <= ports.length) return [];
    const onBridge = new Set(ports.map(({ name }) => name));
    const astray = new Set(
      links.filter(({ name, kind }) => kind === 'veth' && !onBridge.has(name)).map(({ name }) => name),
    );
    let count = 0;
    for (const id of ids) {
      await withPort(id, async (port) => {
        if (!astray.has(port)) return;
        await run('ip', ['link', 'set', 'dev', port, 'master', bridge, 'up']);
        await run('ip', ['link', 'set', 'dev', port, 'type', 'bridge_slave', 'isolated', 'on']);
        count += 1;
      }).catch((error: unknown) =>
        log.warn('could not put a port back on the bridge', { id, error: describeError(error) }),
      );
    }
    return count > 0 ? [`${count} ports of functions were not on the bridge`] : [];
  }
}

/** The same every time, so that functions need not look for the gateway again when the bridge is made anew. */
function macOf({ gateway }: Subnet): string {
  const bytes = gateway.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'));
  return ['0a', '58', ...bytes].join(':');
}

function lengthOf({ cidr }: Subnet): string {
  return cidr.split('/')[1] ?? '';
}
