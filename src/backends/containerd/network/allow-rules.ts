import type { NetworkTarget } from '../../../provider/index.ts';
import type { Allowance } from './allowances.ts';

/** Parts of our nft table that let some replicas reach more than all may; empty where none may. */
export interface AllowRules {
  /** Sets, maps and chains, before the chains that name them. */
  sets: string[];
  /** Of what replicas send through the host. */
  forward: string[];
  /** Of what they send to the host. */
  input: string[];
  /** Chains that bring what is allowed to services that listen on the host's loopback alone. */
  loopback: string[];
}

/** Sets by address and not a rule a replica, so that a packet costs the same however many there are. */
export function allowRules(bridge: string, gateway: string, allowances: Allowance[]): AllowRules {
  const talkers = elementsOf(allowances, ({ kind }) => (kind === 'functions' ? [''] : []));
  const ports = elementsOf(allowances, (target) => (target.kind === 'host' ? [` . ${target.port}`] : []));
  const lists = new Map<string, string[]>();
  for (const { ip, targets } of allowances) {
    const rules = targets.flatMap((target) => (target.kind === 'network' ? [networkRule(target)] : [])).join('\n');
    if (rules !== '') lists.set(rules, [...(lists.get(rules) ?? []), ip]);
  }
  const chains = [...lists.keys()].map((rules, index) => block(`chain networks_${index}`, rules.split('\n')));
  const jumps = [...lists.values()].flatMap((ips, index) => ips.map((ip) => `${ip} : jump networks_${index}`));
  const between = `iifname "${bridge}" oifname "${bridge}"`;
  const toPort = 'meta l4proto { tcp, udp } ip saddr . th dport @host_ports';
  return {
    sets: [
      ...chains,
      ...when(jumps, block('map networks', ['type ipv4_addr : verdict', elements(jumps)])),
      ...when(talkers, block('set talkers', ['type ipv4_addr', elements(talkers)])),
      ...when(ports, block('set host_ports', ['type ipv4_addr . inet_service', elements(ports)])),
    ],
    forward: [
      ...when([...talkers, ...jumps], `${between} ct state established,related ct direction reply accept`),
      ...when(talkers, `${between} ip saddr @talkers accept`),
      ...when(jumps, `iifname "${bridge}" ip saddr vmap @networks`),
    ],
    input: [...when(ports, `${toPort} accept`), ...when(jumps, 'ip saddr vmap @networks')],
    loopback: ports.length > 0 ? loopbackChains(bridge, `ip daddr ${gateway} ${toPort}`) : [],
  };
}

/** Whether some replica may reach a port of the host. */
export function allowsHostPorts(allowances: Allowance[]): boolean {
  return allowances.some(({ targets }) => targets.some(({ kind }) => kind === 'host'));
}

/** Whether some replica may reach another, be it by its address. */
export function allowsBetween(allowances: Allowance[]): boolean {
  return allowances.some(({ targets }) => targets.some(({ kind }) => kind !== 'host'));
}

/**
 * What nobody on the bridge's address answers goes to the host's loopback, and seems to come from there, as servers that
 * listen there alone trust no other address. Docker's published ports come before. The kernel lets packets for loopback
 * in from the bridge then (route_localnet), hence the drop of those that functions address so themselves.
 */
function loopbackChains(bridge: string, isAllowed: string): string[] {
  return [
    block('chain localnet', [
      'type filter hook prerouting priority raw; policy accept;',
      `iifname "${bridge}" ip daddr 127.0.0.0/8 drop`,
    ]),
    block('chain to_loopback', ['socket transparent 0 return', 'dnat ip to 127.0.0.1']),
    block('chain prerouting', [
      'type nat hook prerouting priority dstnat + 10; policy accept;',
      `iifname "${bridge}" ${isAllowed} jump to_loopback`,
    ]),
    block('chain from_loopback', [
      // nft of Debian 12 knows no name for it in this hook.
      'type nat hook input priority 100; policy accept;',
      `iifname "${bridge}" ct status dnat ip daddr 127.0.0.1 snat ip to 127.0.0.1`,
    ]),
  ];
}

function networkRule({ cidr, port }: Extract<NetworkTarget, { kind: 'network' }>): string {
  const toPort = port === undefined ? '' : ` meta l4proto { tcp, udp } th dport ${port}`;
  return `ip daddr ${cidr}${toPort} accept`;
}

function elementsOf(allowances: Allowance[], endings: (target: NetworkTarget) => string[]): string[] {
  return allowances.flatMap(({ ip, targets }) => targets.flatMap(endings).map((ending) => `${ip}${ending}`));
}

function elements(list: string[]): string {
  return `elements = { ${list.join(', ')} }`;
}

function when(list: string[], line: string): string[] {
  return list.length > 0 ? [line] : [];
}

function block(head: string, lines: string[]): string {
  return [`  ${head} {`, ...lines.map((line) => `    ${line}`), '  }'].join('\n');
}
