import { run, succeeds } from '../host-command.ts';
import { IptablesRules, type IptablesPass } from './iptables.ts';
import { safetyLookMs, type HostProblem, type KeptLook, type KeptPart } from './kept-part.ts';
import type { FirewallOptions, HostWays } from './nft-script.ts';
import { parseRuleset, stops, type NftChain, type NftRuleset, type Packet } from './nft-ruleset.ts';

/**
 * Firewalls of others on this host, which our own table cannot outweigh: passed where their makers have a place for that
 * (iptables, Docker, ufw, firewalld), else named with the command to give.
 */
export class HostFirewalls implements KeptPart {
  readonly name = 'host_firewall';
  readonly everyMs = safetyLookMs;
  readonly #options: FirewallOptions;
  readonly #ways: () => Promise<HostWays>;
  readonly #iptables: IptablesRules;
  #stopping: NftChain[] = [];

  constructor(options: FirewallOptions, ways: () => Promise<HostWays>) {
    this.#options = options;
    this.#ways = ways;
    this.#iptables = new IptablesRules(options);
  }

  /** The kernel tells of nft's rules, which are iptables' as well today, and not of those of the old iptables. */
  get hasEvents(): boolean {
    return !this.#iptables.isLegacy;
  }

  async keep(): Promise<KeptLook> {
    const ways = await this.#ways();
    const { outward } = ways;
    const { passed, mended } = await this.#passIptables(ways);
    let stopping = stoppingChains(await nftRuleset(), { ...this.#options, outward, passed });
    if (stopping.some(({ table }) => table === 'firewalld') && (await this.#passFirewalld())) {
      mended.push(`firewalld: ${this.#options.bridge} is in the zone trusted`);
      stopping = stoppingChains(await nftRuleset(), { ...this.#options, outward, passed });
    }
    this.#stopping = stopping;
    return { mended, problems: stopping.map((chain) => problemOf(chain, this.#options.bridge)) };
  }

  /** Looks without a change, for when nothing keeps it: what `keep` would let pass counts as passed. */
  async look(): Promise<HostProblem[]> {
    const { outward } = await this.#ways();
    const passed = await this.#iptables.passable({ outward });
    this.#stopping = stoppingChains(await nftRuleset(), { ...this.#options, outward, passed });
    return this.#stopping.map((chain) => problemOf(chain, this.#options.bridge));
  }

  /** Lets pass what functions are allowed now, before a function starts; `keep` looks at the rest, and says what fails. */
  async renew(): Promise<void> {
    const pass = async () => this.#passIptables(await this.#ways());
    await pass().catch(() => undefined);
  }

  #passIptables({ outward, allowances }: HostWays): Promise<IptablesPass> {
    return this.#iptables.pass({ outward, allowed: allowances.flatMap(({ targets }) => targets) });
  }

  /** Answers the commands that let functions through chains of others that stop them. */
  commandsFor(hook: 'input' | 'forward'): string[] {
    return this.#stopping
      .filter((chain) => chain.hook === hook)
      .map((chain) => commandsOf(chain, this.#options.bridge));
  }

  async remove(): Promise<void> {
    await this.#iptables.remove();
  }

  /** Safe, as our own table still denies what functions may not reach. */
  #passFirewalld(): Promise<boolean> {
    return succeeds('firewall-cmd', ['--zone=trusted', `--change-interface=${this.#options.bridge}`]);
  }
}

async function nftRuleset(): Promise<NftRuleset> {
  return parseRuleset(await run('nft', ['--json', 'list', 'ruleset']));
}

export interface StoppingOptions extends FirewallOptions {
  outward: string[];
  /** Chains of `ip filter` that iptables let us put rules into. */
  passed: string[];
}

/** Base chains of others that certainly stop traffic which functions need. */
export function stoppingChains(ruleset: NftRuleset, options: StoppingOptions): NftChain[] {
  const { table, outward, passed } = options;
  const isPassed = (chain: NftChain) =>
    chain.family === 'ip' && chain.table === 'filter' && passed.includes(chain.name);
  return ruleset.chains.filter((chain) => {
    if (chain.table === table || isPassed(chain)) return false;
    const packets = packetsOf(options, outward[0] ?? '')[chain.hook ?? ''] ?? [];
    return packets.some((packet) => stops(ruleset, chain, packet));
  });
}

/** What functions send and get, by the hook that it passes; of their addresses all are alike to a firewall. */
function packetsOf(
  { bridge, subnet, gatewayPort }: FirewallOptions,
  uplink: string,
): Partial<Record<string, Packet[]>> {
  const { gateway } = subnet;
  return {
    forward: [
      { iifname: bridge, oifname: uplink, state: 'new', saddr: gateway },
      { iifname: uplink, oifname: bridge, state: 'established', daddr: gateway },
    ],
    input: [
      { iifname: bridge, oifname: '', state: 'new', saddr: gateway, daddr: gateway, dport: gatewayPort },
      { iifname: bridge, oifname: '', state: 'established', saddr: gateway, daddr: gateway },
    ],
    output: [{ iifname: '', oifname: bridge, state: 'new', saddr: gateway, daddr: gateway }],
  };
}

/** Tables that somebody wrote by hand are theirs to change: say how. */
function problemOf(chain: NftChain, bridge: string): HostProblem {
  const { family, table, name } = chain;
  return {
    message: "a firewall of this host stops functions' traffic: let the bridge through",
    fields: { chain: `${family} ${table} ${name}`, run: commandsOf(chain, bridge) },
  };
}

function commandsOf({ family, table, name, hook }: NftChain, bridge: string): string {
  const directions = { input: ['iifname'], output: ['oifname'] }[hook ?? ''] ?? ['iifname', 'oifname'];
  const insert = `nft insert rule ${family} ${table} ${name}`;
  return directions.map((direction) => `${insert} ${direction} ${bridge} accept`).join('; ');
}
