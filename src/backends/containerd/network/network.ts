import { join } from 'node:path';
import { CniNetwork, loadConflist, sandboxAddress, type CniResult } from '../../../cni/index.ts';
import type { Log } from '../../../base/log.ts';
import type { Dns, EventFeed, NetworkTarget } from '../../../provider/index.ts';
import type { Attachment, Found } from './attachment.ts';
import { explainedAttachError } from './attach-error.ts';
import { bridgeNetwork, withMtu, type BridgeNetwork } from './bridge-conflist.ts';
import { bridgePortOf, forgetPort, isThere, setPort, type BridgePort } from './bridge-port.ts';
import { HostKeeper } from './host-keeper.ts';
import { hostParts, removeHostParts, type HostParts, type HostPartsOptions } from './host-parts.ts';
import { NetworkError } from './network-error.ts';
import { addNetns, deleteNetns, idsOf, isNetns, netnsNames, netnsPath } from './netns.ts';
import { reservations } from './reservations.ts';
import { InOrder } from '../../../base/in-order.ts';

export interface NetworkOptions extends Pick<HostPartsOptions, 'gatewayPort' | 'resolvConfPaths' | 'allowMax' | 'dns'> {
  conflistPath: string;
  /** Folders that are searched for CNI plugins, in order. */
  cniBinDirs?: string[];
  /** Folder of attachments and addresses; under /run, so that a reboot starts clean. */
  runDir?: string;
  /** Functions' addresses in CIDR notation, instead of the conflist's. */
  subnet?: string;
  /** What things on the host are called: table `<name>`, network namespaces and CNI container ids `<name>-<id>`. */
  name?: string;
  /** Is told what is put right. */
  events?: EventFeed;
  log: Log;
}

const defaultBinDirs = ['/opt/cni/bin', '/usr/lib/cni', '/usr/libexec/cni'];

const interfaceName = 'eth0';

/** Stands where a replica's id does, for the network namespace of a test. */
const testId = 'self-test';

/** How many plugins run at once: they are processes, and more only wait for each other on a small host. */
const parallel = 4;

/**
 * The functions' network on this host: a bridge, rules written once, and for each replica a network namespace of its
 * own. What is attached is read from the host every time, so a restart of the daemon changes nothing.
 */
export class Network {
  readonly #network: BridgeNetwork;
  readonly #cniFolders: { binDirs: string[]; cacheDir: string };
  readonly #host: HostParts;
  readonly #ipamDir: string;
  readonly #surroundings: Parameters<typeof explainedAttachError>[1];
  readonly #prefix: string;
  readonly #log: Log;
  readonly #inOrder = new InOrder(parallel);
  #cni: CniNetwork;
  #isTesting = false;
  /** What was found or made in this process's life, its port set. */
  readonly #kept = new Map<string, Found>();

  /** What functions have instead of the host's name servers and search domains, unless they have their own. */
  readonly dns?: Dns;

  /** Keeps what this network needs of the host. */
  readonly keeper: HostKeeper;

  /**
   * Reads the conflist; nothing on the host changes.
   * @throws CniError or NetworkError when the conflist or the subnet is not usable
   */
  static async open(options: NetworkOptions): Promise<Network> {
    const { runDir = '/run/berth', subnet } = options;
    const conflist = await loadConflist(options.conflistPath);
    return new Network(bridgeNetwork(conflist, { dataDir: join(runDir, 'ipam'), subnet }), options);
  }

  private constructor(network: BridgeNetwork, options: NetworkOptions) {
    const { cniBinDirs: binDirs = defaultBinDirs, runDir = '/run/berth', name = 'berth' } = options;
    const { gatewayPort, resolvConfPaths, allowMax, dns, events, log } = options;
    this.#network = network;
    this.#cniFolders = { binDirs, cacheDir: join(runDir, 'cni') };
    this.#cni = new CniNetwork({ conflist: network.conflist, ...this.#cniFolders });
    this.#ipamDir = join(runDir, 'ipam', network.name);
    this.#surroundings = { ...this.#cniFolders, ipamDir: this.#ipamDir, subnet: network.subnet };
    this.#prefix = `${name}-`;
    this.#log = log;
    this.dns = dns;
    this.#host = hostParts(network, {
      name,
      allowMax,
      dns,
      runDir,
      gatewayPort,
      resolvConfPaths,
      attachedIds: async () => idsOf(await this.#cni.containerIds(), this.#prefix),
      withPort: (id, mend) => this.#withPort(id, mend),
      attached: (test) => this.#forTest(test),
      lookedAt: (...parts) => this.keeper.lookedAt(...parts),
      log,
    });
    this.keeper = new HostKeeper({ parts: this.#host.all, events, log });
  }

  #withPort(id: string, mend: (port: BridgePort) => Promise<void>): Promise<void> {
    return this.#inOrder.run(id, async () => {
      const port = await this.#portOf(id);
      if (port && (await isNetns(port.netns))) await mend(port);
    });
  }

  /** What a crash leaves of it is listed with the attachments, and so detached as they are. */
  async #forTest<T>(test: (attachment: Attachment) => Promise<T>): Promise<T> {
    this.#isTesting = true;
    try {
      return await test(await this.attach(testId));
    } finally {
      await this.detach(testId);
      this.#isTesting = false;
    }
  }

  /** The bridge's address, on which functions reach the gateway. */
  get gateway(): string {
    return this.#network.subnet.gateway;
  }

  /** How many replicas have an address at once. */
  get capacity(): number {
    return this.#network.subnet.capacity;
  }

  /** Counts the addresses that nothing has yet. */
  async freeAddresses(): Promise<number> {
    return this.capacity - (await reservations(this.#ipamDir)).size;
  }

  /** Looks once at what this network needs of the host and puts it right; what fails is in `keeper.parts`. */
  async ensureHost(): Promise<void> {
    await this.keeper.look();
  }

  /** Undoes ensureHost, for uninstalling. */
  async removeHost(): Promise<void> {
    await removeHostParts(this.#host, this.#network.bridge);
  }

  /**
   * Gives a replica a network namespace and an address. One that is attached keeps what it has; leftovers of a crash or
   * reboot are removed first; a failure leaves nothing behind.
   * @throws CniError, NetworkError or HostCommandError
   */
  async attach(id: string): Promise<Attachment> {
    const present = await this.present(id);
    if (present) return present;
    // Outside of its turn: the first look at the bridge waits for a turn of each replica.
    await this.#requireIsolation();
    return this.#inOrder.run(id, async () => (await this.#existingOrCleared(id)) ?? (await this.#attachAnew(id)));
  }

  /** Returns what a replica has of an attachment that needs not be made anew; leftovers are removed. */
  present(id: string): Promise<Attachment | undefined> {
    return this.#inOrder.run(id, () => this.#existingOrCleared(id));
  }

  /** Resolves once an attached replica reaches these beside what all may, and nothing that it was allowed before. */
  allow({ id, ip }: Attachment, targets: NetworkTarget[]): Promise<void> {
    return this.#host.allowances.set(id, ip, targets);
  }

  async #attachAnew(id: string): Promise<Attachment> {
    try {
      return await this.#create(id);
    } catch (error) {
      const explained = await explainedAttachError(error, this.#surroundings);
      await this.#removeAfter(id, explained);
      throw explained;
    }
  }

  /**
   * Takes a replica's network namespace and address away; there need not be any.
   * @throws CniError or HostCommandError; then it can be asked for again
   */
  detach(id: string): Promise<void> {
    return this.#inOrder.run(id, () => this.#remove(id));
  }

  /** Finds the attachment of a replica whose namespace is there and whose address is of the present subnet. */
  async attachment(id: string): Promise<Attachment | undefined> {
    return (await this.#found(id))?.attachment;
  }

  async #found(id: string): Promise<Found | undefined> {
    const target = { containerId: this.#containerId(id), interfaceName };
    const [result, hasNetns] = await Promise.all([this.#cni.result(target), isNetns(target.containerId)]);
    if (!result || !hasNetns || sandboxAddress(result)?.gateway !== this.gateway) return undefined;
    const found = this.#foundIn(id, result);
    return found.port?.address.endsWith(`/${this.#network.subnet.length}`) ? found : undefined;
  }

  /** Returns where a replica's network namespace is, or will be once it is attached. */
  netnsPath(id: string): string {
    return netnsPath(this.#containerId(id));
  }

  /** Lists ids that have something on this host, be it only a leftover: what no replica owns is to be detached. */
  async attachments(): Promise<string[]> {
    const reserved = await reservations(this.#ipamDir);
    const allowed = (await this.#host.allowances.ids()).map((id) => this.#containerId(id));
    const names = [...(await netnsNames()), ...(await this.#cni.containerIds()), ...reserved.values(), ...allowed];
    return idsOf(names, this.#prefix).filter((id) => id !== testId || !this.#isTesting);
  }

  async #create(id: string): Promise<Attachment> {
    const containerId = this.#containerId(id);
    await addNetns(containerId);
    this.#followMtu();
    const result = await this.#cni.add({ containerId, interfaceName, netnsPath: netnsPath(containerId) });
    return this.#setPort(this.#foundIn(id, result));
  }

  // What is running is served whatever the host is like; what is new waits until it cannot reach more than it may.
  async #requireIsolation(): Promise<void> {
    const { forwarding, bridge, table } = this.#host;
    await this.keeper.lookedAt(forwarding, bridge, table);
    if (!this.keeper.isRunning || table.isolates) return;
    const { problem = '' } = this.keeper.parts.find(({ name }) => name === table.name) ?? {};
    throw new NetworkError(`no new replica is started while functions cannot be kept apart: ${problem}`);
  }

  #followMtu(): void {
    const { mtu } = this.#host.bridge;
    if (mtu === undefined) return;
    this.#cni = new CniNetwork({ conflist: withMtu(this.#network.conflist, mtu), ...this.#cniFolders });
  }

  // What we have set is kept by the keeper. Setting a port closes the gap of a crash before it, and fails where there is none.
  async #existingOrCleared(id: string): Promise<Attachment | undefined> {
    const kept = this.keeper.isRunning ? this.#kept.get(id) : undefined;
    const areThere = kept?.port && (await Promise.all([isNetns(kept.port.netns), isThere(kept.port)]));
    if (kept && areThere?.every(Boolean)) return kept.attachment;
    const found = await this.#found(id);
    try {
      if (found) return await this.#setPort(found);
    } catch (error) {
      this.#log.warn('the port of an attachment is gone, attaching anew', { id, error });
    }
    await this.#remove(id);
    return undefined;
  }

  // Addresses and ports go before the namespace, as DEL works inside of it.
  async #remove(id: string): Promise<void> {
    const containerId = this.#containerId(id);
    const path = (await isNetns(containerId)) ? netnsPath(containerId) : undefined;
    const port = await this.#portOf(id);
    this.#kept.delete(id);
    await this.#host.allowances.remove(id);
    if (port) await forgetPort(port, this.#network.bridge);
    await this.#cni.del({ containerId, interfaceName, netnsPath: path });
    await deleteNetns(containerId);
  }

  async #removeAfter(id: string, attachError: unknown): Promise<void> {
    try {
      await this.#remove(id);
    } catch (removeError) {
      const cause = new AggregateError([attachError, removeError]);
      throw new NetworkError(`attaching ${id} failed, and so did clearing up after it`, { cause });
    }
  }

  async #setPort(found: Found): Promise<Attachment> {
    if (!found.port) throw new NetworkError('the bridge plugin named no port on the host: update the CNI plugins');
    await setPort(found.port, { bridge: this.#network.bridge, mtu: this.#host.bridge.mtu });
    this.#kept.set(found.attachment.id, found);
    return found.attachment;
  }

  async #portOf(id: string): Promise<BridgePort | undefined> {
    const containerId = this.#containerId(id);
    const result = await this.#cni.result({ containerId, interfaceName });
    return result && bridgePortOf(result, this.#network.bridge, containerId);
  }

  #foundIn(id: string, result: CniResult): Found {
    const address = sandboxAddress(result);
    if (!address) throw new NetworkError(`the CNI plugins gave ${id} no address: is host-local in the conflist?`);
    const containerId = this.#containerId(id);
    const attachment = { id, netnsPath: netnsPath(containerId), ip: address.ip, gateway: this.gateway };
    return { attachment, port: bridgePortOf(result, this.#network.bridge, containerId) };
  }

  #containerId(id: string): string {
    return `${this.#prefix}${id}`;
  }
}
