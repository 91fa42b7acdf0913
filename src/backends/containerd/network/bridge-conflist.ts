import { z } from 'zod';
import { firstIssue } from '../../../base/first-issue.ts';
import { parseConflist, type Conflist } from '../../../cni/index.ts';
import { NetworkError } from './network-error.ts';
import { parseSubnet, type Subnet } from './subnet.ts';

const bridgePlugin = z.looseObject({
  type: z.literal('bridge'),
  bridge: z.string().regex(/^[a-zA-Z0-9_.-]{1,15}$/),
  mtu: z.int().positive().optional(),
  ipam: z.looseObject({
    type: z.literal('host-local'),
    ranges: z.tuple([z.tuple([z.looseObject({ subnet: z.string(), gateway: z.string().optional() })])]),
  }),
});

export interface BridgeNetwork {
  /** Name of the network, and of host-local's folder. */
  name: string;
  /** Name of the bridge interface. */
  bridge: string;
  subnet: Subnet;
  /** Where the conflist names one; else it follows the host's uplink. */
  mtu?: number;
  conflist: Conflist;
}

/**
 * Reads the network that a conflist describes, with its addresses kept under `dataDir` and, when given, in another
 * subnet.
 * @throws NetworkError when its first plugin is not a bridge with one host-local range
 */
export function bridgeNetwork(conflist: Conflist, changes: { dataDir: string; subnet?: string }): BridgeNetwork {
  const [first, ...others] = conflist.plugins;
  const parsed = bridgePlugin.safeParse(first);
  if (!parsed.success) {
    const why = firstIssue(parsed.error, 'it');
    throw new NetworkError(
      `network ${conflist.name} must start with a bridge plugin with one host-local range: ${why}`,
    );
  }
  const plugin = parsed.data;
  const subnet = parseSubnet(changes.subnet ?? plugin.ipam.ranges[0][0].subnet);
  const ranges = [[{ subnet: subnet.cidr, gateway: subnet.gateway }]];
  // Without forceAddress the plugin refuses a bridge that still has the address of an earlier subnet.
  const rewritten = { ...plugin, forceAddress: true, ipam: { ...plugin.ipam, ranges, dataDir: changes.dataDir } };
  const text = JSON.stringify({ ...conflist, plugins: [rewritten, ...others] });
  return { name: conflist.name, bridge: plugin.bridge, subnet, mtu: plugin.mtu, conflist: parseConflist(text) };
}

/** The same network with this size of packets on the bridge and its ports. */
export function withMtu(conflist: Conflist, mtu: number): Conflist {
  const [first, ...others] = conflist.plugins;
  return parseConflist(JSON.stringify({ ...conflist, plugins: [{ ...first, mtu }, ...others] }));
}
