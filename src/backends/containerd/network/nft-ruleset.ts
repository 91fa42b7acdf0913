import { BlockList, isIPv4 } from 'node:net';
import { z } from 'zod';

type Expression = Record<string, unknown>;

const listing = z.object({
  nftables: z.array(
    z.looseObject({
      chain: z
        .object({
          family: z.string(),
          table: z.string(),
          name: z.string(),
          hook: z.string().optional(),
          policy: z.string().optional(),
        })
        .optional(),
      rule: z
        .object({
          family: z.string(),
          table: z.string(),
          chain: z.string(),
          expr: z.array(z.record(z.string(), z.unknown())).default([]),
        })
        .optional(),
    }),
  ),
});

export interface NftChain {
  family: string;
  table: string;
  name: string;
  hook?: string;
  policy?: string;
}

/** The chains of IPv4 and their rules, by `family table chain`. */
export interface NftRuleset {
  chains: NftChain[];
  rules: Map<string, Expression[][]>;
}

/** A packet of functions, as far as it is known. */
export interface Packet {
  iifname: string;
  oifname: string;
  state: 'new' | 'established';
  saddr?: string;
  daddr?: string;
  dport?: number;
}

/** @param text what `nft --json list ruleset` printed */
export function parseRuleset(text: string): NftRuleset {
  const ruleset: NftRuleset = { chains: [], rules: new Map() };
  for (const { chain, rule } of listing.parse(JSON.parse(text)).nftables) {
    if (chain && ['ip', 'inet'].includes(chain.family)) ruleset.chains.push(chain);
    if (!rule) continue;
    const key = keyOf(rule, rule.chain);
    ruleset.rules.set(key, [...(ruleset.rules.get(key) ?? []), rule.expr]);
  }
  return ruleset;
}

function keyOf({ family, table }: { family: string; table: string }, chain: string): string {
  return `${family} ${table} ${chain}`;
}

/**
 * True where the chain certainly stops the packet: by its policy or by a rule that it meets. A rule that asks for what is
 * not known of the packet is passed over.
 */
export function stops(ruleset: NftRuleset, chain: NftChain, packet: Packet): boolean {
  const verdict = walk(ruleset, chain, chain.name, packet, 0) ?? chain.policy;
  return verdict === 'drop';
}

type Verdict = 'accept' | 'drop' | undefined;

const deepest = 16;

function walk(ruleset: NftRuleset, table: NftChain, chain: string, packet: Packet, depth: number): Verdict {
  for (const expressions of ruleset.rules.get(keyOf(table, chain)) ?? []) {
    const step = stepOf(expressions, packet);
    if (!step) continue;
    if (step.verdict === 'return') return undefined;
    if (step.verdict !== 'follow') return step.verdict;
    const inner = depth < deepest ? walk(ruleset, table, step.target, packet, depth + 1) : undefined;
    if (inner !== undefined || step.isGoto) return inner;
  }
  return undefined;
}

type Step = { verdict: 'accept' | 'drop' | 'return' } | { verdict: 'follow'; target: string; isGoto: boolean };

/** Where a rule sends the packet; undefined where it does not, or where nobody can say. */
function stepOf(expressions: Expression[], packet: Packet): Step | undefined {
  for (const expression of expressions) {
    if ('match' in expression) {
      if (matches(expression['match'] as Match, packet) !== true) return undefined;
    } else if ('vmap' in expression) {
      return mapped(expression['vmap'] as VerdictMap, packet);
    } else if (isCondition(expression)) return undefined;
    const step = verdictOf(expression);
    if (step) return step;
  }
  return undefined;
}

/** What some packets pass and others do not, without saying which. */
function isCondition(expression: Expression): boolean {
  const xt = expression['xt'] as { type?: string; name?: string } | undefined;
  if (xt) return xt.type === 'match' && xt.name !== 'comment';
  return 'limit' in expression || 'quota' in expression || 'ct count' in expression;
}

const xtVerdicts: Record<string, 'accept' | 'drop' | 'return'> = {
  ACCEPT: 'accept',
  DROP: 'drop',
  REJECT: 'drop',
  RETURN: 'return',
};

function verdictOf(expression: Expression): Step | undefined {
  if ('accept' in expression) return { verdict: 'accept' };
  if ('drop' in expression || 'reject' in expression) return { verdict: 'drop' };
  if ('return' in expression) return { verdict: 'return' };
  const xt = expression['xt'] as { name?: string } | undefined;
  const verdict = xtVerdicts[xt?.name ?? ''];
  if (verdict) return { verdict };
  for (const [key, isGoto] of [
    ['jump', false],
    ['goto', true],
  ] as const) {
    const jump = expression[key] as { target?: string } | undefined;
    if (jump?.target) return { verdict: 'follow', target: jump.target, isGoto };
  }
  return undefined;
}

interface Match {
  op: string;
  left: Expression;
  right: unknown;
}

interface VerdictMap {
  key: Expression;
  data: { set?: [unknown, Expression][] };
}

function mapped({ key, data }: VerdictMap, packet: Packet): Step | undefined {
  const value = fieldOf(key, packet);
  if (value === undefined || value === never) return undefined;
  const found = data.set?.find(([candidate]) => isIn(candidate, value) === true);
  return found && verdictOf(found[1]);
}

/** Undefined where that is not known. */
function matches({ op, left, right }: Match, packet: Packet): boolean | undefined {
  const value = fieldOf(left, packet);
  if (value === undefined) return undefined;
  const isEqual = value === never ? false : isIn(right, value);
  return op === '!=' && isEqual !== undefined ? !isEqual : isEqual;
}

/** A field that functions' packets do not have, such as an IPv6 address. */
const never = Symbol('never');

function fieldOf(left: Expression, packet: Packet): string | number | undefined | typeof never {
  const meta = left['meta'] as { key?: string } | undefined;
  const ct = left['ct'] as { key?: string } | undefined;
  const payload = left['payload'] as { protocol?: string; field?: string } | undefined;
  if (meta) return metaOf(meta.key ?? '', packet);
  if (ct) return { state: packet.state, status: 'none' }[ct.key ?? ''];
  return payload && payloadOf(payload.protocol ?? '', payload.field ?? '', packet);
}

function metaOf(key: string, packet: Packet): string | undefined {
  const known: Record<string, string> = {
    iifname: packet.iifname,
    iif: packet.iifname,
    oifname: packet.oifname,
    oif: packet.oifname,
    nfproto: 'ipv4',
    protocol: 'ip',
    l4proto: 'tcp',
  };
  return known[key];
}

function payloadOf(protocol: string, field: string, packet: Packet): string | number | undefined | typeof never {
  if (['ip6', 'icmp', 'icmpv6', 'udp', 'arp'].includes(protocol)) return never;
  if (field === 'dport') return packet.dport;
  if (protocol !== 'ip') return undefined;
  return field === 'protocol' ? 'tcp' : { saddr: packet.saddr, daddr: packet.daddr }[field];
}

interface Operand {
  set?: unknown[];
  prefix?: { addr: string; len: number };
  range?: [unknown, unknown];
}

/** Undefined where the right side is of a kind that is not known, such as a named set. */
function isIn(right: unknown, value: string | number): boolean | undefined {
  if (Array.isArray(right)) return anyOf(right, value);
  if (typeof right === 'string') {
    if (right === '*') return true;
    if (right.startsWith('@')) return undefined;
    return right.endsWith('*') ? String(value).startsWith(right.slice(0, -1)) : right === String(value);
  }
  if (typeof right === 'number') return right === value;
  const { set, prefix, range } = (right ?? {}) as Operand;
  if (set) return anyOf(set, value);
  if (range && typeof value === 'number') return Number(range[0]) <= value && value <= Number(range[1]);
  if (!prefix || typeof value !== 'string' || !isIPv4(prefix.addr)) return undefined;
  const list = new BlockList();
  list.addSubnet(prefix.addr, prefix.len);
  return list.check(value);
}

function anyOf(candidates: unknown[], value: string | number): boolean | undefined {
  const found = candidates.map((candidate) => isIn(candidate, value));
  if (found.includes(true)) return true;
  return found.includes(undefined) ? undefined : false;
}
