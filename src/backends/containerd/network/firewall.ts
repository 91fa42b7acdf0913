import { z } from 'zod';
import type { Log } from '../../../base/log.ts';
import { run, succeeds } from '../host-command.ts';
import type { Subnet } from './subnet.ts';

export interface FirewallOptions {
  /** Name of our nft table. */
  table: string;
  bridge: string;
  subnet: Subnet;
  /** The one TCP port of the host that functions may call, on the bridge's address. */
  gatewayPort: number;
}

/**
 * Writes the whole table, to be replaced in one transaction. Functions reach the internet and the LAN (masqueraded),
 * the gateway and the host's resolver; not each other, not other ports of the host, not link-local addresses such as a
 * cloud's metadata service. Traffic within the bridge is kept apart by port isolation, as nft's bridge family is not on
 * every kernel; what is here stops the detour through the host. Rejected and not dropped, so that callers fail at once;
 * TCP by a reset, as the kernel limits how many ICMP errors it sends.
 */
function nftScript({ table, bridge, subnet, gatewayPort }: FirewallOptions): string {
  return `
table inet ${table}
delete table inet ${table}
table inet ${table} {
  chain deny {
    meta l4proto tcp reject with tcp reset
    reject
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname "${bridge}" oifname "${bridge}" goto deny
    iifname "${bridge}" ip daddr 169.254.0.0/16 goto deny
    oifname "${bridge}" ct state established,related accept
    oifname "${bridge}" goto deny
  }
  chain input {
    type filter hook input priority filter; policy accept;
    iifname != "${bridge}" accept
    ct state established,related accept
    ip daddr ${subnet.gateway} tcp dport ${gatewayPort} accept
    meta l4proto { tcp, udp } th dport 53 accept
    goto deny
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${subnet.cidr} ip daddr != ${subnet.cidr} masquerade
  }
}
`;
}

/** Puts our table in place and lets traffic through firewalls that drop by default. Can be run again. */
export async function installFirewall(options: FirewallOptions, log: Log): Promise<void> {
  await run('nft', ['-f', '-'], { stdin: nftScript(options) });
  await passIptables(options);
  await warnOfDrops(options, log);
}

export async function removeFirewall(options: FirewallOptions): Promise<void> {
  const stdin = `table inet ${options.table}\ndelete table inet ${options.table}\n`;
  await run('nft', ['-f', '-'], { stdin });
  if (!(await hasIptables())) return;
  for (const rule of ['INPUT', 'FORWARD', 'DOCKER-USER'].flatMap((chain) => acceptRules(chain, options))) {
    while (await succeeds('iptables', ['-w', '-D', ...rule])) continue;
  }
}

/**
 * Has iptables let functions through. An accept in our table does not outweigh a drop elsewhere, and Docker and ufw set
 * the policy of iptables' chains to DROP. DOCKER-USER is where Docker keeps the rules of others.
 */
async function passIptables(options: FirewallOptions): Promise<void> {
  if (!(await hasIptables())) return;
  const table = (await run('iptables', ['-w', '-S'])).split('\n');
  const chains = [
    ...(table.includes('-P INPUT DROP') ? ['INPUT'] : []),
    ...(table.includes('-P FORWARD DROP') ? [table.includes('-N DOCKER-USER') ? 'DOCKER-USER' : 'FORWARD'] : []),
  ];
  for (const rule of chains.flatMap((chain) => acceptRules(chain, options))) {
    const present = await succeeds('iptables', ['-w', '-C', ...rule]);
    if (!present) await run('iptables', ['-w', '-I', ...rule]);
  }
}

function hasIptables(): Promise<boolean> {
  return succeeds('iptables', ['--version']);
}

function acceptRules(chain: string, { table, bridge, subnet, gatewayPort }: FirewallOptions): string[][] {
  const accept = ['-m', 'comment', '--comment', table, '-j', 'ACCEPT'];
  const answers = ['-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED'];
  if (chain !== 'INPUT') {
    return [
      [chain, '-i', bridge, ...accept],
      [chain, '-o', bridge, ...answers, ...accept],
    ];
  }
  return [
    [chain, '-i', bridge, ...answers, ...accept],
    [chain, '-i', bridge, '-d', subnet.gateway, '-p', 'tcp', '--dport', String(gatewayPort), ...accept],
    ...['tcp', 'udp'].map((protocol) => [chain, '-i', bridge, '-p', protocol, '--dport', '53', ...accept]),
  ];
}

const chainList = z.object({
  nftables: z.array(
    z.object({
      chain: z
        .object({
          family: z.string(),
          table: z.string(),
          name: z.string(),
          hook: z.string().optional(),
          policy: z.string().optional(),
        })
        .optional(),
    }),
  ),
});

/** Warns of tables that somebody wrote by hand and that drop functions' traffic, and says how to change them. */
async function warnOfDrops({ bridge }: FirewallOptions, log: Log): Promise<void> {
  const { nftables } = chainList.parse(JSON.parse(await run('nft', ['-j', 'list', 'chains'])));
  for (const { chain } of nftables) {
    if (chain?.policy !== 'drop' || !['forward', 'input'].includes(chain.hook ?? '')) continue;
    // Kept by iptables, and passed above.
    if (['ip', 'ip6'].includes(chain.family) && chain.table === 'filter') continue;
    const { family, table, name } = chain;
    const mend = `nft insert rule ${family} ${table} ${name} iifname ${bridge} accept`;
    const back =
      chain.hook === 'forward' ? `; nft insert rule ${family} ${table} ${name} oifname ${bridge} accept` : '';
    log.warn("a firewall of this host drops functions' traffic by default: let the bridge through", {
      run: mend + back,
    });
  }
}
