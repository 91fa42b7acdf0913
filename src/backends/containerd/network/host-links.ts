import { z } from 'zod';
import { run } from '../host-command.ts';

const linkList = z.array(
  z.object({
    ifname: z.string(),
    flags: z.array(z.string()).default([]),
    mtu: z.number(),
    master: z.string().optional(),
    link_type: z.string().optional(),
    address: z.string().optional(),
    linkinfo: z
      .object({
        info_kind: z.string().optional(),
        info_slave_data: z.object({ isolated: z.boolean().optional(), learning: z.boolean().optional() }).optional(),
      })
      .optional(),
    addr_info: z
      .array(
        z.object({ family: z.string().optional(), local: z.string().optional(), prefixlen: z.number().optional() }),
      )
      .default([]),
  }),
);

const routeList = z.array(
  z.object({
    type: z.string().default('unicast'),
    dst: z.string(),
    table: z.string().default('main'),
    dev: z.string().optional(),
    gateway: z.string().optional(),
    nexthops: z.array(z.object({ dev: z.string().optional(), gateway: z.string().optional() })).default([]),
  }),
);

export interface HostLink {
  name: string;
  isUp: boolean;
  mtu: number;
  /** The bridge or bond that it is a port of. */
  master?: string;
  /** The kernel's word for a virtual interface, such as `bridge` and `veth`; undefined for hardware. */
  kind?: string;
  isLoopback: boolean;
  /** The hardware address; undefined where there is none. */
  mac?: string;
  /** As a bridge's port. */
  isIsolated: boolean;
  /** As a bridge's port: whether the bridge takes its word for whose an address is. */
  isLearning: boolean;
  /** With their prefix lengths. */
  addresses: string[];
}

export interface HostLinks {
  links: HostLink[];
  /** Interfaces that a default route leaves by, in whatever routing table. */
  uplinks: string[];
  /** Whom default routes lead to. */
  routers: string[];
  /** Of the main routing table: where packets to a network leave, as `NETWORK INTERFACE`. */
  routes: Set<string>;
}

/** @throws HostCommandError when iproute2 cannot answer */
export async function readHostLinks(): Promise<HostLinks> {
  const [addresses, routes] = await Promise.all([
    run('ip', ['-json', '-details', 'address', 'show']),
    run('ip', ['-json', '-4', 'route', 'show', 'table', 'all']),
  ]);
  return parseHostLinks(addresses, routes);
}

/** Lets those who ask while one reads share what it reads: each reading starts two programs, which cost the most of a look. */
export function readTogether(read: () => Promise<HostLinks>): () => Promise<HostLinks> {
  let reading: Promise<HostLinks> | undefined;
  return () => (reading ??= read().finally(() => (reading = undefined)));
}

/** OpenVPN and the like lay two halves over the default route instead of replacing it. */
const everywhere = ['default', '0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1'];

export function parseHostLinks(addresses: string, routes: string): HostLinks {
  const links = linkList.parse(JSON.parse(addresses || '[]')).map((link): HostLink => ({
    name: link.ifname,
    isUp: link.flags.includes('UP'),
    mtu: link.mtu,
    master: link.master,
    kind: link.linkinfo?.info_kind,
    isLoopback: link.link_type === 'loopback',
    mac: link.address,
    isIsolated: link.linkinfo?.info_slave_data?.isolated ?? false,
    isLearning: link.linkinfo?.info_slave_data?.learning ?? true,
    addresses: link.addr_info.flatMap(({ family, local, prefixlen }) =>
      family === 'inet' && local ? [`${local}/${prefixlen}`] : [],
    ),
  }));
  const unicast = routeList.parse(JSON.parse(routes || '[]')).filter(({ type }) => type === 'unicast');
  const ways = unicast.filter(({ dst }) => everywhere.includes(dst));
  const uplinks = ways.flatMap(({ dev, nexthops }) => [dev, ...nexthops.map((hop) => hop.dev)]);
  const routers = ways.flatMap(({ gateway, nexthops }) => [gateway, ...nexthops.map((hop) => hop.gateway)]);
  return {
    links,
    uplinks: distinct(uplinks),
    routers: distinct(routers),
    routes: new Set(unicast.filter(({ table }) => table === 'main').map(({ dst, dev }) => `${dst} ${dev}`)),
  };
}

function distinct(names: (string | undefined)[]): string[] {
  return [...new Set(names.filter((name) => name !== undefined))].toSorted();
}

/** Networks of others beside the host's own: hardware has no kind. */
const outwardKinds = [undefined, 'vlan', 'bond', 'team', 'wireguard', 'tun', 'ppp', 'wwan', 'macvlan', 'ipvlan'];

/**
 * The interfaces that functions may leave the host by: those of the default routes, other network cards and tunnels. None
 * where there is no default route, as then nothing tells the host's private networks from the way out.
 */
export function outwardLinks({ links, uplinks }: HostLinks, bridge: string): string[] {
  if (uplinks.length === 0) return [];
  const outward = links.filter(
    ({ name, kind, isLoopback, master }) =>
      !isLoopback && master === undefined && outwardKinds.includes(kind) && name !== bridge,
  );
  const all = new Set([...uplinks, ...outward.map(({ name }) => name)]);
  all.delete(bridge);
  return [...all].toSorted();
}

/** Bridges that are neither ours nor the way out: those of Docker, libvirt, LXD, Kubernetes. */
export function otherBridges({ links, uplinks }: HostLinks, bridge: string): string[] {
  const bridges = links.filter(({ name, kind }) => kind === 'bridge' && name !== bridge && !uplinks.includes(name));
  return bridges.map(({ name }) => name).toSorted();
}

/** Answers the bridges that a default route leaves by, as on hosts of virtual machines. */
export function uplinkBridges({ links, uplinks }: HostLinks): string[] {
  return links.filter(({ name, kind }) => kind === 'bridge' && uplinks.includes(name)).map(({ name }) => name);
}

const ethernetMtu = 1500;

/** The size of packets that pass every uplink: VPNs, PPPoE and some clouds take less than Ethernet. */
export function uplinkMtu({ links, uplinks }: HostLinks): number {
  const sizes = links.filter(({ name }) => uplinks.includes(name)).map(({ mtu }) => mtu);
  return Math.min(ethernetMtu, ...sizes);
}
