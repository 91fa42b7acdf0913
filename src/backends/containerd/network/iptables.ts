import { readFile } from 'node:fs/promises';
import { absentAs } from '../../../base/absent-file.ts';
import { InOrder } from '../../../base/in-order.ts';
import { run, succeeds, type HostCommand } from '../host-command.ts';
import { planIptables, type IptablesPlan, type IptablesWays } from './iptables-rules.ts';
import type { FirewallOptions } from './nft-script.ts';

type Iptables = 'iptables' | 'iptables-legacy';

/** Which chains of one kind of iptables let functions pass. */
export interface IptablesPass {
  /** Chains of nft's table `ip filter` that are iptables' and have our rules. */
  passed: string[];
  mended: string[];
}

/**
 * Opens the way through iptables' chains that stop by default: an accept in our table does not outweigh a drop elsewhere,
 * and Docker and ufw set their policy to DROP.
 */
export class IptablesRules {
  readonly #options: FirewallOptions;
  readonly #turns = new InOrder<'rules'>();
  readonly #written = new Map<Iptables, { wanted: string; present: string }>();

  #isLegacy = false;

  constructor(options: FirewallOptions) {
    this.#options = options;
  }

  /** True where rules are kept the old way, not by nft. */
  get isLegacy(): boolean {
    return this.#isLegacy;
  }

  /** @throws HostCommandError when the rules cannot be written */
  pass(ways: IptablesWays): Promise<IptablesPass> {
    return this.#turns.run('rules', () => this.#pass(ways));
  }

  /** Names the chains of nft's table `ip filter` that `pass` would let functions through, and changes nothing. */
  async passable(ways: IptablesWays): Promise<string[]> {
    const byNft = (await kinds()).filter(({ isNft }) => isNft);
    const texts = await Promise.all(byNft.map(({ command }) => tableOf(command)));
    return texts.flatMap((text) => (text === undefined ? [] : passedChains(planIptables(text, this.#options, ways))));
  }

  async #pass(ways: IptablesWays): Promise<IptablesPass> {
    const pass: IptablesPass = { passed: [], mended: [] };
    const found = await kinds();
    this.#isLegacy = found.some(({ isNft }) => !isNft);
    for (const { command, isNft } of found) {
      const text = await tableOf(command);
      if (text === undefined) continue;
      const plan = planIptables(text, this.#options, ways);
      if (isNft) pass.passed.push(...passedChains(plan));
      const written = this.#written.get(command);
      if (plan.inForce && plan.wanted === (written?.wanted ?? '') && plan.present === (written?.present ?? ''))
        continue;
      await run(restoreOf(command), ['-w', '--noflush'], { stdin: plan.restore });
      const { present } = planIptables((await tableOf(command)) ?? '', this.#options, ways);
      this.#written.set(command, { wanted: plan.wanted, present });
      if (written && written.present !== plan.present && written.wanted === plan.wanted)
        pass.mended.push(`${command}: rules for functions were gone`);
    }
    return pass;
  }

  async remove(): Promise<void> {
    for (const { command } of await kinds()) {
      const text = await tableOf(command);
      const lines = text === undefined ? '' : planIptables(text, this.#options, { outward: [] }).present;
      if (lines === '') continue;
      const stdin = `*filter\n${lines.replaceAll(/^-A/gm, '-D')}\nCOMMIT\n`;
      await run(restoreOf(command), ['-w', '--noflush'], { stdin });
    }
    this.#written.clear();
  }
}

function passedChains({ chains }: IptablesPlan): string[] {
  return chains.map((chain) => (chain === 'INPUT' ? 'INPUT' : 'FORWARD'));
}

function restoreOf(command: Iptables): HostCommand {
  return command === 'iptables' ? 'iptables-restore' : 'iptables-legacy-restore';
}

/** Undefined where the table is none of iptables': `nft` wrote one of the same name by hand ("incompatible, use 'nft'"). */
function tableOf(command: Iptables): Promise<string | undefined> {
  return run(command, ['-w', '-S']).catch(() => undefined);
}

/** Both kinds filter where both have rules, whichever of them the plain command is. */
async function kinds(): Promise<{ command: Iptables; isNft: boolean }[]> {
  const version = await run('iptables', ['--version']).catch(() => undefined);
  const isNft = version?.includes('nf_tables') ?? false;
  const legacyTables = await readFile('/proc/net/ip_tables_names', 'utf8').catch(absentAs(''));
  const hasLegacy = legacyTables.split('\n').includes('filter') && (version === undefined || isNft);
  return [
    ...(version === undefined ? [] : [{ command: 'iptables' as const, isNft }]),
    ...(hasLegacy && (await succeeds('iptables-legacy', ['--version']))
      ? [{ command: 'iptables-legacy' as const, isNft: false }]
      : []),
  ];
}
