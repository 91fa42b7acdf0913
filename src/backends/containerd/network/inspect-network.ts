import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConflist } from '../../../cni/index.ts';
import { silentLog } from '../../../base/log.ts';
import { runProgram } from '../../../base/run-program.ts';
import { succeeds } from '../host-command.ts';
import { bridgeNetwork, type BridgeNetwork } from './bridge-conflist.ts';
import { HostFirewalls } from './host-firewalls.ts';
import { outwardLinks, readHostLinks, type HostLinks } from './host-links.ts';
import type { HostProblem } from './kept-part.ts';
import { Network, type NetworkOptions } from './network.ts';
import { nftScript, type FirewallOptions } from './nft-script.ts';
import { hostResolvConfPaths } from './prepare-files.ts';
import { SelfTest, type Trial } from './self-test.ts';
import { overlap } from './subnet.ts';

/** How the functions' network is on this host, without a change to it. */
export interface NetworkInspection {
  bridge: string;
  /** The functions' network. */
  cidr: string;
  bridgeState: 'absent' | 'no bridge' | 'down' | 'without address' | 'up';
  /** What else of this host has addresses of it, such as `10.62.0.0/16 on eth0`. */
  clashes: string[];
  /** One that nothing on this host has. */
  freeSubnet: string;
  /** Whether the host forwards at all. */
  forwards: boolean;
  /** Whether the rules are there that keep functions apart and lead them out. */
  hasTable: boolean;
  /** Other firewalls that stop functions. */
  stopped: HostProblem[];
  /** Why the kernel takes no such rules; absent where it does. */
  rulesProblem?: string;
}

const tableName = 'berth';
/** Neither begins as what is the daemon's, which would take it away. */
const doctorName = 'doctor';

const noWays = { otherBridges: [], uplinkBridges: [], closesForwarding: false, allowances: [] };

/**
 * Looks at what the network of functions needs of the host.
 * @throws CniError or NetworkError when the conflist or the subnet is not usable
 * @throws HostCommandError when iproute2 cannot answer
 */
export async function inspectNetwork(options: NetworkOptions): Promise<NetworkInspection> {
  const network = await networkOf(options);
  const { bridge, subnet } = network;
  const host = await readHostLinks();
  const firewall = firewallOf(network, options);
  const others = networksOfOthers(host, bridge);
  const [forwards, hasTable, stopped, rulesProblem] = await Promise.all([
    readFile('/proc/sys/net/ipv4/ip_forward', 'utf8').then((text) => text.trim() !== '0'),
    succeeds('nft', ['list', 'table', 'inet', tableName]),
    firewallsOf(firewall, host).look(),
    refusedRules(firewall),
  ]);
  const clashes = others.filter(({ cidr }) => overlap(cidr, subnet.cidr)).map(({ cidr, dev }) => `${cidr} on ${dev}`);
  const candidates = Array.from({ length: 64 }, (_, index) => `10.${62 + index}.0.0/16`);
  const freeSubnet = candidates.find((candidate) => !others.some(({ cidr }) => overlap(cidr, candidate))) ?? '';
  const bridgeState = stateOf(host, network);
  return { bridge, cidr: subnet.cidr, bridgeState, clashes, freeSubnet, forwards, hasTable, stopped, rulesProblem };
}

/**
 * Tries from a network namespace like a function's what functions have to reach, and takes it away again.
 * @throws CniError, NetworkError or HostCommandError where none can be made
 */
export async function tryFromFunction(options: NetworkOptions, signal: AbortSignal): Promise<Trial[]> {
  const own = await networkOf(options);
  const host = await readHostLinks();
  const firewalls = firewallsOf(firewallOf(own, options), host);
  await firewalls.look();
  const network = await Network.open({ ...options, name: doctorName, log: silentLog });
  // What a doctor left behind that was killed.
  for (const id of await network.attachments()) await network.detach(id);
  const test = new SelfTest({
    ...options,
    bridge: own.bridge,
    gateway: network.gateway,
    resolvConfPaths: options.resolvConfPaths ?? hostResolvConfPaths,
    readLinks: () => Promise.resolve(host),
    commandsFor: (hook) => firewalls.commandsFor(hook),
    prepared: () => Promise.resolve(),
    attached: async (attempt) => {
      const id = String(process.pid);
      try {
        return await attempt(await network.attach(id));
      } finally {
        await network.detach(id);
      }
    },
  });
  return test.attempt(signal);
}

async function networkOf({ conflistPath, runDir = '/run/berth', subnet }: NetworkOptions): Promise<BridgeNetwork> {
  return bridgeNetwork(await loadConflist(conflistPath), { dataDir: join(runDir, 'ipam'), subnet });
}

function firewallOf({ bridge, subnet }: BridgeNetwork, { gatewayPort }: NetworkOptions): FirewallOptions {
  return { table: tableName, bridge, subnet, gatewayPort };
}

function firewallsOf(firewall: FirewallOptions, host: HostLinks): HostFirewalls {
  const ways = { ...noWays, outward: outwardLinks(host, firewall.bridge) };
  return new HostFirewalls(firewall, () => Promise.resolve(ways));
}

function networksOfOthers({ links, routes }: HostLinks, bridge: string): { cidr: string; dev: string }[] {
  const addresses = links.flatMap(({ name, addresses: own }) => own.map((cidr) => ({ cidr, dev: name })));
  const ways = [...routes].map((route) => route.split(' ')).map(([cidr = '', dev = '']) => ({ cidr, dev }));
  const isNetwork = (cidr: string) => /^[\d.]+(\/\d+)?$/.test(cidr) && !/\/[01]$/.test(cidr);
  return [...addresses, ...ways].filter(({ cidr, dev }) => dev !== bridge && isNetwork(cidr));
}

function stateOf({ links }: HostLinks, { bridge, subnet }: BridgeNetwork): NetworkInspection['bridgeState'] {
  const link = links.find(({ name }) => name === bridge);
  if (!link) return 'absent';
  if (link.kind !== 'bridge') return 'no bridge';
  if (!link.isUp) return 'down';
  return link.addresses.includes(`${subnet.gateway}/${subnet.length}`) ? 'up' : 'without address';
}

/** Writes the rules where they touch nothing: in a network namespace that ends with the program. */
async function refusedRules(firewall: FirewallOptions): Promise<string | undefined> {
  const stdin = nftScript(firewall, { ...noWays, outward: [] });
  const wrote = await runProgram('unshare', { args: ['--net', 'nft', '-f', '-'], stdin, timeoutMs: 10_000 });
  return wrote.exitCode === 0 ? undefined : wrote.stderr.trim().split('\n')[0] || `exit code ${wrote.exitCode}`;
}
