import { describeError, type Log } from '../../../base/log.ts';
import { run } from '../host-command.ts';
import { ipOf, makePort, setInnerMtu, setPort, type BridgePort } from './bridge-port.ts';
import type { HostLink } from './host-links.ts';

export interface BridgePortsOptions {
  bridge: string;
  /** Ids of replicas that have a result of the CNI plugins. */
  attachedIds: () => Promise<string[]>;
  /** Calls `mend` with the replica's port, if it has one, while nobody attaches or detaches it. */
  withPort: (id: string, mend: (port: BridgePort) => Promise<void>) => Promise<void>;
  /** Whether what the bridge plugin made is all that there is to a port, so that one can be made anew without it. */
  canMake: boolean;
  log: Log;
}

/** The ports of replicas on the bridge: each there, up, isolated from the others, and alone in having its address. */
export class BridgePorts {
  readonly #options: BridgePortsOptions;
  /** Names of ports that were isolated at the last look. */
  #isolated = new Set<string>();

  constructor(options: BridgePortsOptions) {
    this.#options = options;
  }

  /**
   * Compares the ports with what they should be and puts them right.
   * @returns what was not as it should be, in words for the log
   */
  async keep(links: HostLink[], mtu: number): Promise<string[]> {
    const { bridge, attachedIds } = this.#options;
    const ports = links.filter(({ master, kind }) => master === bridge && kind === 'veth');
    const said = await this.#isolate(ports);
    const [ids, owners] = await Promise.all([attachedIds(), this.#owners()]);
    const right = ports.filter((port) => port.isUp && !port.isLearning && port.mtu === mtu);
    if (ids.length <= right.length && ids.length <= owners.size) return said;
    return [...said, ...(await this.#mend(ids, { links, owners, mtu }))];
  }

  // At once and together, whoever's they are: until then their functions reach each other.
  async #isolate(ports: HostLink[]): Promise<string[]> {
    const open = ports.filter(({ isIsolated }) => !isIsolated);
    const before = this.#isolated;
    this.#isolated = new Set(ports.filter((port) => port.isIsolated).map(({ name }) => name));
    if (open.length === 0) return [];
    const lines = open.map(({ name }) => `link set dev ${name} type bridge_slave isolated on\n`);
    // A port may have gone meanwhile, with its replica: the others are to be isolated all the same.
    await run('ip', ['-force', '-batch', '-'], { stdin: lines.join('') }).catch((error: unknown) =>
      this.#options.log.debug('not every port could be isolated', { error: describeError(error) }),
    );
    // Others are just being attached.
    const count = open.filter(({ name }) => before.has(name)).length;
    return count > 0 ? [`${count} ports of functions were not isolated`] : [];
  }

  /** The addresses that are fixed to a port, as `MAC` where the bridge looks and as `ADDRESS MAC` where the host does. */
  async #owners(): Promise<Set<string>> {
    const { bridge } = this.#options;
    const text = await run('ip', ['neighbour', 'show', 'dev', bridge, 'nud', 'permanent']).catch(() => '');
    return new Set(text.matchAll(/^(\S+) lladdr (\S+)/gm).map(([, ip, mac]) => `${ip} ${mac}`));
  }

  async #mend(ids: string[], host: { links: HostLink[]; owners: Set<string>; mtu: number }): Promise<string[]> {
    const counts = new Map<string, number>();
    for (const id of ids) {
      await this.#options
        .withPort(id, async (port) => {
          const what = await this.#mendPort(port, host);
          if (what) counts.set(what, (counts.get(what) ?? 0) + 1);
        })
        .catch((error: unknown) =>
          this.#options.log.warn("could not put a function's port right", { id, error: describeError(error) }),
        );
    }
    return [...counts].map(([what, count]) => `${count} ports of functions were ${what}`);
  }

  /** @returns what was wrong, if it is worth a word */
  async #mendPort(
    port: BridgePort,
    { links, owners, mtu }: { links: HostLink[]; owners: Set<string>; mtu: number },
  ): Promise<string | undefined> {
    const { bridge, canMake } = this.#options;
    const link = links.find(({ name }) => name === port.name);
    if (!link && !canMake) return undefined;
    const isOwner = owners.has(`${ipOf(port.address)} ${port.mac}`);
    if (link?.master === bridge && link.isUp && !link.isLearning && link.mtu === mtu && isOwner) return undefined;
    await (link ? setPort : makePort)(port, { bridge, mtu });
    if (link?.mtu !== mtu) await setInnerMtu(port, mtu);
    if (!link) return 'gone';
    if (link.master !== bridge) return 'not on the bridge';
    return link.isUp ? undefined : 'down';
  }
}
