import type { NetworkTarget } from '../../../provider/index.ts';
import type { FirewallOptions } from './nft-script.ts';

/** Where functions' packets may leave to, and what some functions may reach beside that. */
export interface IptablesWays {
  outward: string[];
  /** Of all functions together: our own table knows whose each is. */
  allowed?: NetworkTarget[];
}

/** The filter table as `iptables -S` prints it. */
export interface IptablesTable {
  /** Of the built-in chains. */
  policies: Map<string, string>;
  /** The rules of each chain, without `-A CHAIN`. */
  chains: Map<string, string[]>;
}

export function parseIptables(text: string): IptablesTable {
  const table: IptablesTable = { policies: new Map(), chains: new Map() };
  for (const line of text.split('\n')) {
    const [, kind, chain = '', rest = ''] = /^-([PNA]) (\S+) ?(.*)$/.exec(line) ?? [];
    if (!kind) continue;
    const rules = table.chains.get(chain) ?? [];
    table.chains.set(chain, rules);
    if (kind === 'P') table.policies.set(chain, rest);
    if (kind === 'A') rules.push(rest);
  }
  return table;
}

/** Interfaces that a packet comes in by and leaves by. */
interface Way {
  in: string;
  out?: string;
}

const closing = ['DROP', 'REJECT'];

/**
 * True where the chain ends in a drop or a reject for all that goes this way: by its policy, or by a rule that asks for
 * nothing but interfaces, in it or in a chain that it leads to.
 */
export function closes(table: IptablesTable, chain: string, way: Way): boolean {
  const verdict = verdictOf(table, chain, way) ?? table.policies.get(chain);
  return verdict !== undefined && closing.includes(verdict);
}

const deepest = 16;

function verdictOf(table: IptablesTable, chain: string, way: Way, depth = 0): string | undefined {
  for (const rule of table.chains.get(chain) ?? []) {
    const target = targetFor(rule, way);
    if (target === undefined) continue;
    if (target === 'RETURN') return undefined;
    if (target === 'ACCEPT' || closing.includes(target)) return target;
    const verdict = depth < deepest ? verdictOf(table, target, way, depth + 1) : undefined;
    if (verdict !== undefined) return verdict;
  }
  return undefined;
}

const comment = /-m comment --comment ("(?:[^"\\]|\\.)*"|\S+) ?/;
const interfaceMatch = /^(! )?-([io]) (\S+) /;

/** Where the rule sends what goes this way; undefined where that depends on more than interfaces. */
function targetFor(rule: string, way: Way): string | undefined {
  let rest = rule.replace(comment, '');
  for (let match = interfaceMatch.exec(rest); match; match = interfaceMatch.exec(rest)) {
    const [all, negated, direction, name = ''] = match;
    const actual = direction === 'i' ? way.in : (way.out ?? '');
    const isIt = name.endsWith('+') ? actual.startsWith(name.slice(0, -1)) : actual === name;
    if (isIt === (negated !== undefined)) return undefined;
    rest = rest.slice(all.length);
  }
  return /^-[jg] (\S+)( --reject-with \S+)?$/.exec(rest)?.[1];
}

/** What our rules in iptables should be, beside what they are. */
export interface IptablesPlan {
  /** Chains that would stop functions' traffic without rules of ours. */
  chains: string[];
  /** Our rules as they are there, one `-A CHAIN …` a line. */
  present: string;
  /** Our rules as they should be, the same way but in our own spelling. */
  wanted: string;
  /** True where nothing before our rules stops what they let pass. */
  inForce: boolean;
  /** For `iptables-restore --noflush`: takes away what is present and puts what is wanted first, at once. */
  restore: string;
}

/** @param text what `iptables -S` printed */
export function planIptables(text: string, options: FirewallOptions, ways: IptablesWays): IptablesPlan {
  const { table: name, bridge } = options;
  const { outward } = ways;
  const isOurs = (rule: string) => commentOf(rule) === name && rule.endsWith('-j ACCEPT');
  const lines = text.split('\n');
  const present = lines.filter((line) => line.startsWith('-A ') && isOurs(line));
  const others = parseIptables(lines.filter((line) => !present.includes(line)).join('\n'));
  const chains = chainsToPass(others, bridge, outward);
  const wanted = chains.flatMap((chain) => acceptRules(chain, options, ways));
  const removals = present.map((line) => line.replace(/^-A/, '-D'));
  const insertions = wanted.toReversed().map((line) => line.replace(/^-A (\S+)/, '-I $1 1'));
  return {
    chains,
    present: present.join('\n'),
    wanted: wanted.join('\n'),
    inForce: chains.every((chain) => isPassed(parseIptables(text), chain, { isOurs, bridge, outward })),
    restore: ['*filter', ...removals, ...insertions, 'COMMIT', ''].join('\n'),
  };
}

function isPassed(
  table: IptablesTable,
  chain: string,
  { isOurs, bridge, outward }: { isOurs: (rule: string) => boolean; bridge: string; outward: string[] },
): boolean {
  if (chain !== 'INPUT') return !closes(table, 'FORWARD', { in: bridge, out: outward[0] ?? '' });
  const rules = table.chains.get(chain) ?? [];
  const before = new Map([...table.chains, [chain, rules.slice(0, rules.findLastIndex(isOurs))]]);
  return !closes({ policies: new Map(), chains: before }, chain, { in: bridge });
}

function commentOf(line: string): string | undefined {
  const text = comment.exec(line)?.[1];
  return text?.startsWith('"') ? text.slice(1, -1) : text;
}

/** DOCKER-USER is where Docker keeps the rules of others, before its own. */
function chainsToPass(table: IptablesTable, bridge: string, outward: string[]): string[] {
  const out = outward[0] ?? '';
  const stopsForward = [
    { in: bridge, out },
    { in: out, out: bridge },
  ].some((way) => closes(table, 'FORWARD', way));
  const usesDocker = table.chains.get('FORWARD')?.includes('-j DOCKER-USER') ?? false;
  return [
    ...(closes(table, 'INPUT', { in: bridge }) ? ['INPUT'] : []),
    ...(stopsForward ? [usesDocker ? 'DOCKER-USER' : 'FORWARD'] : []),
  ];
}

function acceptRules(
  chain: string,
  { table, bridge, subnet, gatewayPort }: FirewallOptions,
  { outward, allowed = [] }: IptablesWays,
): string[] {
  const accept = `-m comment --comment ${table} -j ACCEPT`;
  const further = allowed.flatMap((target) => matchesOf(target, chain === 'INPUT', bridge));
  const allowances = [...new Set(further)].map((match) => `-A ${chain} -i ${bridge} ${match} ${accept}`);
  const answers = '-m conntrack --ctstate RELATED,ESTABLISHED';
  if (chain !== 'INPUT') {
    const ways = outward.length > 0 ? outward.map((name) => `-o ${name} `) : [''];
    return [
      ...ways.map((way) => `-A ${chain} -i ${bridge} ${way}${accept}`),
      ...allowances,
      `-A ${chain} -o ${bridge} ${answers} ${accept}`,
    ];
  }
  return [
    `-A ${chain} -i ${bridge} ${answers} ${accept}`,
    `-A ${chain} -i ${bridge} -d ${subnet.gateway} -p tcp --dport ${gatewayPort} ${accept}`,
    ...['tcp', 'udp'].map((protocol) => `-A ${chain} -i ${bridge} -p ${protocol} --dport 53 ${accept}`),
    ...allowances,
  ];
}

function matchesOf(target: NetworkTarget, isInput: boolean, bridge: string): string[] {
  if (target.kind === 'functions') return isInput ? [] : [`-o ${bridge}`];
  if (target.kind === 'host' && !isInput) return [];
  const { port } = target;
  const to = target.kind === 'network' ? [`-d ${target.cidr}`] : [];
  const protocols = port === undefined ? [[]] : ['tcp', 'udp'].map((name) => [`-p ${name} --dport ${port}`]);
  return protocols.map((protocol) => [...to, ...protocol].join(' '));
}
