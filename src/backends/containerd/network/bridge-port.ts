import { access } from 'node:fs/promises';
import { absentAs } from '../../../base/absent-file.ts';
import { sandboxAddress, type CniResult } from '../../../cni/index.ts';
import { run } from '../host-command.ts';

/** A replica's interface, and its other end on the host. */
export interface BridgePort {
  /** Of the end on the host. */
  name: string;
  /** Name of the replica's network namespace. */
  netns: string;
  /** Of the end in the namespace, which is eth0. */
  mac: string;
  /** With its prefix length. */
  address: string;
  routes: { to: string; gateway: string }[];
}

/** Reads from a result of the CNI plugins what a replica's port is; undefined where the bridge plugin named none. */
export function bridgePortOf(result: CniResult, bridge: string, netns: string): BridgePort | undefined {
  const { interfaces, ips, routes = [] } = result;
  const name = interfaces.find((one) => !one.sandbox && one.name !== bridge)?.name;
  const mac = interfaces.find(({ sandbox }) => sandbox)?.mac;
  const own = sandboxAddress(result);
  const address = ips.find((one) => one.address.split('/')[0] === own?.ip)?.address;
  if (!name || !mac || !address) return undefined;
  const ways = routes.map(({ dst, gw }) => ({ to: dst, gateway: gw ?? own?.gateway ?? '' }));
  return { name, netns, mac, address, routes: ways.filter(({ to, gateway }) => !`${to}${gateway}`.includes(':')) };
}

/** What ports have from their bridge. */
export interface PortSettings {
  bridge: string;
  mtu?: number;
}

/**
 * Puts a port on the bridge as it should be there. Isolated: it reaches the host and no other port (ip-link(8), since Linux
 * 4.18). Neither does the host learn from it who has which address: a function that may send raw packets could claim
 * another's.
 */
export async function setPort({ name, mac, address }: BridgePort, { bridge, mtu }: PortSettings): Promise<void> {
  await batch(
    [],
    [
      `link set dev ${name} master ${bridge} ${mtu === undefined ? '' : `mtu ${mtu}`} up`,
      `link set dev ${name} type bridge_slave isolated on learning off`,
      `neighbour replace ${ipOf(address)} lladdr ${mac} dev ${bridge} nud permanent`,
    ],
  );
  await run('bridge', ['fdb', 'replace', mac, 'dev', name, 'master', 'static']);
}

/** Makes a port anew that somebody deleted, with the address that the replica had. */
export async function makePort(port: BridgePort, settings: PortSettings): Promise<void> {
  const { name, netns, mac, address, routes } = port;
  await batch([], [`link add ${name} type veth peer name eth0 address ${mac} netns ${netns}`]);
  await setPort(port, settings);
  await batch(
    ['-n', netns],
    [
      `address add ${address} dev eth0`,
      'link set eth0 up',
      ...routes.map(({ to, gateway }) => `route add ${to} via ${gateway} dev eth0`),
    ],
  );
}

/** Whether the end on the host is there. */
export function isThere({ name }: BridgePort): Promise<boolean> {
  return access(`/proc/sys/net/ipv4/conf/${name}`).then(() => true, absentAs(false));
}

/** Sets the size of packets that the replica sends. */
export async function setInnerMtu({ netns }: BridgePort, mtu: number): Promise<void> {
  await run('ip', ['-n', netns, 'link', 'set', 'eth0', 'mtu', String(mtu)]);
}

/** Forgets whose the address was, before somebody else gets it; there need not be anything to forget. */
export async function forgetPort({ address }: BridgePort, bridge: string): Promise<void> {
  await run('ip', ['neighbour', 'delete', ipOf(address), 'dev', bridge]).catch(() => undefined);
}

export function ipOf(address: string): string {
  return address.split('/')[0] ?? '';
}

async function batch(args: string[], lines: string[]): Promise<void> {
  await run('ip', [...args, '-batch', '-'], { stdin: lines.map((line) => `${line}\n`).join('') });
}
