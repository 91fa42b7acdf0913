import { allowRules, type AllowRules } from './allow-rules.ts';
import type { Allowance } from './allowances.ts';
import type { Subnet } from './subnet.ts';

export interface FirewallOptions {
  /** Name of our nft table. */
  table: string;
  bridge: string;
  subnet: Subnet;
  /** The one TCP port of the host that functions may call, on the bridge's address. */
  gatewayPort: number;
}

/** What our rules take from the host as it is at the moment. */
export interface HostWays {
  /** Interfaces that lead out of the host: towards the internet, the LAN, a VPN. */
  outward: string[];
  /** Bridges of others, such as Docker's and libvirt's. */
  otherBridges: string[];
  /** Bridges that are the way out: a firewall sees as forwarded what virtual machines on them say to the LAN. */
  uplinkBridges: string[];
  /** True when it was us who switched forwarding on, for functions alone. */
  closesForwarding: boolean;
  /** What some replicas may reach beyond what all may. */
  allowances: Allowance[];
}

/** Link-local addresses, and those under which Azure, Alibaba Cloud and Oracle's classic cloud offer their metadata. */
const metadata = '{ 169.254.0.0/16, 168.63.129.16, 100.100.100.200, 192.0.0.192 }';
/** The same of Amazon, Google and Scaleway. */
const metadata6 = '{ fe80::/10, fd00:ec2::254, fd20:ce::254, fd00:42::42 }';

/**
 * The whole table, replaced in one transaction. Functions reach the internet and the LAN (masqueraded), the gateway and
 * the host's resolver; not each other, not other ports of the host, not the private networks of Docker and the like, not
 * a cloud's metadata service (but its name server, which has the same address), unless they are allowed to. Traffic within the bridge is kept apart by
 * port isolation, as nft's bridge family is not on every kernel; what is here stops the detour through the host. Rejected
 * and not dropped, so that callers fail at once; TCP by a reset, as the kernel limits how many ICMP errors it sends.
 */
export function nftScript(options: FirewallOptions, ways: HostWays, { withLoopback = true } = {}): string {
  const { bridge, subnet } = options;
  const allow = allowRules(bridge, subnet.gateway, ways.allowances);
  const reject = ['meta l4proto tcp reject with tcp reset', 'reject'];
  const clamp = 'tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu';
  return table(options.table, [
    ...filterChains(options, ways, allow, reject),
    ...(withLoopback ? allow.loopback : []),
    chain('clamp', [
      'type filter hook forward priority mangle; policy accept;',
      `iifname "${bridge}" ${clamp}`,
      `oifname "${bridge}" ${clamp}`,
    ]),
    chain('postrouting', [
      'type nat hook postrouting priority srcnat; policy accept;',
      `ip saddr ${subnet.cidr} ip daddr != ${subnet.cidr} masquerade`,
    ]),
  ]);
}

/** What every kernel with nft takes: isolation alone, for hosts that lack modules for the rest. */
export function isolationScript(options: FirewallOptions, ways: HostWays): string {
  const allow = allowRules(options.bridge, options.subnet.gateway, ways.allowances);
  return table(options.table, filterChains(options, ways, allow, ['drop']));
}

export function removalScript({ table: name }: FirewallOptions): string {
  return `table inet ${name}\ndelete table inet ${name}\n`;
}

function filterChains(
  { bridge, subnet, gatewayPort }: FirewallOptions,
  ways: HostWays,
  allow: AllowRules,
  deny: string[],
): string[] {
  return [
    ...allow.sets,
    chain('deny', deny),
    chain('metadata', ['meta l4proto { tcp, udp } th dport 53 return', 'goto deny']),
    // What Docker publishes on the host's address is open to the whole LAN, and Docker's own rules judge it.
    chain('private', ['ct status dnat return', 'goto deny']),
    chain('closed', ['ct state established,related return', 'ct status dnat return', 'drop']),
    chain('forward', [
      'type filter hook forward priority filter; policy accept;',
      ...allow.forward,
      `iifname "${bridge}" oifname "${bridge}" goto deny`,
      `iifname "${bridge}" ip daddr ${metadata} jump metadata`,
      `iifname "${bridge}" ip6 daddr ${metadata6} jump metadata`,
      ...outwardOnly(bridge, ways).map((others) => `iifname "${bridge}" ${others} jump private`),
      `oifname "${bridge}" ct state established,related accept`,
      `oifname "${bridge}" goto deny`,
      ...(ways.closesForwarding ? closed(bridge, ways) : []),
    ]),
    chain('input', [
      'type filter hook input priority filter; policy accept;',
      `iifname != "${bridge}" accept`,
      'ct state established,related accept',
      // Opens no connection, and after a flush the kernel may have forgotten to which a call's answer belongs.
      'tcp flags & (syn | ack) != syn accept',
      `ip daddr ${subnet.gateway} tcp dport ${gatewayPort} accept`,
      'meta l4proto { tcp, udp } th dport 53 accept',
      ...allow.input,
      'goto deny',
    ]),
  ];
}

// A host without a way out at the moment, such as one whose router is still starting, has private bridges all the same.
function outwardOnly(bridge: string, { outward, otherBridges }: HostWays): string[] {
  if (outward.length > 0) return [`oifname != ${names([bridge, ...outward])}`];
  return otherBridges.length > 0 ? [`oifname ${names(otherBridges)}`] : [];
}

// Other bridges are of programs that want their networks forwarded: what leaves those is theirs to judge.
function closed(bridge: string, { otherBridges, uplinkBridges }: HostWays): string[] {
  return [
    ...uplinkBridges.map((name) => `iifname "${name}" oifname "${name}" accept`),
    `meta nfproto ipv4 iifname != ${names([bridge, ...otherBridges])} jump closed`,
  ];
}

function names(interfaces: string[]): string {
  return `{ ${interfaces.map((name) => `"${name}"`).join(', ')} }`;
}

function chain(name: string, lines: string[]): string {
  return [`  chain ${name} {`, ...lines.map((line) => `    ${line}`), '  }'].join('\n');
}

function table(name: string, chains: string[]): string {
  return `table inet ${name}\ndelete table inet ${name}\ntable inet ${name} {\n${chains.join('\n')}\n}\n`;
}
