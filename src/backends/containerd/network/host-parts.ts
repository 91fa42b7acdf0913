import { join } from 'node:path';
import { formatNetworkTarget, type Dns, type NetworkTarget } from '../../../provider/index.ts';
import { Allowances } from './allowances.ts';
import type { BridgeNetwork } from './bridge-conflist.ts';
import { BridgeInterface } from './bridge-interface.ts';
import { BridgePorts, type BridgePortsOptions } from './bridge-ports.ts';
import { HostFirewalls } from './host-firewalls.ts';
import {
  otherBridges,
  outwardLinks,
  readHostLinks,
  readTogether,
  uplinkBridges,
  type HostLinks,
} from './host-links.ts';
import { run } from '../host-command.ts';
import { IpForwarding } from './ip-forwarding.ts';
import type { KeptPart } from './kept-part.ts';
import { NameServers } from './name-servers.ts';
import { NetworkdFile } from './networkd-file.ts';
import { NftTable } from './nft-table.ts';
import type { HostWays } from './nft-script.ts';
import { hostResolvConfPaths } from './prepare-files.ts';
import { SelfTest, type SelfTestOptions } from './self-test.ts';

export interface HostPartsOptions
  extends
    Pick<BridgePortsOptions, 'attachedIds' | 'withPort' | 'log'>,
    Pick<SelfTestOptions, 'attached' | 'gatewayPort'> {
  /** Of our nft table. */
  name: string;
  runDir: string;
  resolvConfPaths?: string[];
  /** The most that a replica is allowed to reach, anything unless given. */
  allowMax?: NetworkTarget[];
  /** Name servers and search domains of functions that have none of their own; the host's unless given. */
  dns?: Dns;
  /** Resolves when these parts have had their first look. */
  lookedAt: (...parts: KeptPart[]) => Promise<void>;
}

/** What functions need of the host, in the order in which one builds on the other. */
export interface HostParts {
  forwarding: IpForwarding;
  bridge: BridgeInterface;
  table: NftTable;
  firewalls: HostFirewalls;
  allowances: Allowances;
  networkd: NetworkdFile;
  all: KeptPart[];
}

/** Builds the parts of the host that a network of functions needs; nothing is looked at yet. */
export function hostParts(network: BridgeNetwork, options: HostPartsOptions): HostParts {
  const { bridge: bridgeName, subnet, mtu } = network;
  const { name, runDir, gatewayPort, lookedAt, resolvConfPaths = hostResolvConfPaths, dns, log } = options;
  const { gateway } = subnet;
  const forwarding = new IpForwarding({ bridge: bridgeName, markFile: join(runDir, 'forwarding') });
  const ports = new BridgePorts({ ...options, bridge: bridgeName, canMake: network.conflist.plugins.length === 1 });
  const readLinks = readTogether(readHostLinks);
  const bridge = new BridgeInterface({ bridge: bridgeName, subnet, mtu, readLinks, ports });
  const allowances: Allowances = new Allowances({
    dir: join(runDir, 'allowed'),
    most: options.allowMax,
    changed: async () => {
      await Promise.all([table.renew(), firewalls.renew()]);
    },
    withheld: (replica, targets) => {
      const fields = { replica, withheld: targets.map(formatNetworkTarget).join(', ') };
      log.warn('network_allow_max gives less than the annotation of a function asks for', fields);
    },
  });
  const firewall = { table: name, bridge: bridgeName, subnet, gatewayPort };
  const ways = async () => waysOf(bridgeName, await readLinks(), { forwarding, allowances });
  const table = new NftTable(firewall, ways);
  const firewalls = new HostFirewalls(firewall, ways);
  const nameServers = new NameServers({ filesDir: join(runDir, 'replicas'), gateway, resolvConfPaths, dns });
  const networkd = new NetworkdFile({ bridge: bridgeName });
  const kept = [networkd, forwarding, bridge, table, firewalls, nameServers];
  const selfTest = new SelfTest({
    ...options,
    bridge: bridgeName,
    gateway,
    resolvConfPaths,
    readLinks,
    commandsFor: (hook) => firewalls.commandsFor(hook),
    prepared: () => lookedAt(...kept),
  });
  return { forwarding, bridge, table, firewalls, allowances, networkd, all: [...kept, selfTest] };
}

/** Takes the parts away again; forwarding stays on where bridges of others may need it. */
export async function removeHostParts(parts: HostParts, bridge: string): Promise<void> {
  await parts.table.remove();
  await parts.firewalls.remove();
  const host = await readHostLinks();
  if (host.links.some(({ name }) => name === bridge)) await run('ip', ['link', 'delete', bridge]);
  if (otherBridges(host, bridge).length === 0) await parts.forwarding.remove();
  await parts.networkd.remove();
}

async function waysOf(
  bridge: string,
  host: HostLinks,
  { forwarding, allowances }: Pick<HostParts, 'forwarding' | 'allowances'>,
): Promise<HostWays> {
  return {
    outward: outwardLinks(host, bridge),
    otherBridges: otherBridges(host, bridge),
    uplinkBridges: uplinkBridges(host),
    closesForwarding: await forwarding.isOurs(),
    allowances: await allowances.all(),
  };
}
