import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { sh } from '../network/host.ts';
import type { Observed, Reached } from './private-world.ts';

const free: Reached = {
  outside: 'open',
  gateway: 'open',
  dns: 'open',
  otherFunction: 'closed',
  hostPort: 'closed',
  dockerContainer: 'closed',
  metadata: 'closed',
  allowed: 'open',
  notAllowed: 'closed',
};

const chain = (table: string, hook: string, name: string, policy: string) =>
  `nft 'add table ${table}; add chain ${table} ${name} { type filter hook ${hook} priority 10; policy ${policy}; }'`;
const rule = (table: string, name: string, text: string) => `nft 'add rule ${table} ${name} ${text}'`;
const hooks = ['input', 'forward'];

const ufw = [
  ...['INPUT', 'FORWARD'].flatMap((name) => [`iptables -P ${name} DROP`, `iptables -N ufw-reject-${name}`]),
  'iptables -A INPUT -i lo -j ACCEPT',
  ...['INPUT', 'FORWARD'].flatMap((name) => [
    `iptables -A ${name} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
    `iptables -A ${name} -j ufw-reject-${name}`,
    `iptables -A ufw-reject-${name} -j REJECT`,
  ]),
];

const docker = [
  'iptables -P FORWARD DROP',
  'iptables -N DOCKER-USER',
  'iptables -A DOCKER-USER -j RETURN',
  'iptables -A FORWARD -j DOCKER-USER',
  'iptables -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  'iptables -A FORWARD -i docker0 ! -o docker0 -j ACCEPT',
];

const libvirt = [
  ...['I', 'O', 'X'].flatMap((kind) => [`iptables -N LIBVIRT_FW${kind}`, `iptables -A FORWARD -j LIBVIRT_FW${kind}`]),
  'iptables -A LIBVIRT_FWI -o virbr0 -j REJECT',
  'iptables -A LIBVIRT_FWO -i virbr0 -j REJECT',
];

const firewalld = hooks.flatMap((hook) => {
  const name = `filter_${hook.toUpperCase()}`;
  const add = (text: string) => rule('inet firewalld', name, text);
  return [
    chain('inet firewalld', hook, name, 'accept'),
    `nft 'add chain inet firewalld ${name}_ZONES'`,
    rule('inet firewalld', `${name}_ZONES`, 'iifname "uplink" goto zone_public'),
  ]
    .toSpliced(1, 0, "nft 'add chain inet firewalld zone_public'")
    .concat([
      add('ct state { established, related } accept'),
      add('iifname lo accept'),
      add(`jump ${name}_ZONES`),
      add('ct state invalid drop'),
      add('reject with icmpx admin-prohibited'),
    ]);
});

const handwritten = hooks.flatMap((hook) => [
  chain('ip filter', hook, hook, 'drop'),
  rule('ip filter', hook, 'ct state vmap { established : accept, related : accept, invalid : drop }'),
  rule('ip filter', hook, 'iifname lo accept'),
  rule('ip filter', hook, 'tcp dport { 22, 443 } accept'),
]);

const redHat = ['INPUT', 'FORWARD'].flatMap((name) => [
  `iptables -A ${name} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
  `iptables -A ${name} -i uplink -p tcp --dport 22 -j ACCEPT`,
  `iptables -A ${name} -j REJECT --reject-with icmp-host-prohibited`,
]);

const legacy = ['iptables-legacy -P FORWARD DROP', 'iptables-legacy -P INPUT DROP'];

const setups = {
  'no firewall': [],
  ufw,
  'Docker and libvirt': [...docker, ...libvirt],
  'an old Red Hat': redHat,
  'the old iptables': legacy,
};

for (const [title, setup] of Object.entries(setups)) {
  test(`with ${title} functions reach what they may, also after flush, reload and removal of the bridge`, async (t) => {
    const observed = await onPrivateHost(t, { setup });
    assertKept(t, observed, free);
    t.is(observed.warnedAtStart, 0);
    t.deepEqual(observed.missed, []);
    // The other firewalls stop Docker's containers themselves.
    if (title === 'Docker and libvirt' || setup.length === 0) t.is(observed.docker.toOutside, 'open');
  });
}

for (const [title, setup] of Object.entries({ firewalld, 'hand-written rules': handwritten })) {
  test(`${title} that stop functions are named with the commands, which let functions through`, async (t) => {
    const observed = await onPrivateHost(t, { setup, mend: true });
    assertKept(t, observed, free);
    t.is(observed.warnedAtStart, 2);
    t.deepEqual(observed.missed, ['reach_gateway', 'reach_dns', 'reach_outside']);
    t.is(observed.warnedAfterReload, 2);
  });
}

function assertKept(t: ExecutionContext, observed: Observed, wanted: Reached): void {
  t.deepEqual(observed.before, wanted, 'before');
  t.deepEqual(observed.afterForwardFlush, wanted, 'after iptables -F FORWARD');
  t.deepEqual(observed.afterFlush, wanted, 'after a flush of all rules');
  t.deepEqual(observed.afterReload, wanted, 'after a reload of the firewall');
  t.deepEqual(observed.afterBridgeRemoval, wanted, 'after the bridge was removed');
  t.deepEqual(observed.afterRestart, wanted, 'after a restart');
  t.true(observed.mended >= 2, 'said');
  t.is(
    observed.tried,
    'the gateway http://10.62.0.1:8080, the name server 192.0.2.2, a route out, the router 192.0.2.2',
  );
  t.is(observed.mtu, 1400);
  t.is(observed.docker.fromOutside, 'closed');
  t.true(observed.isClean);
}

let hosts = 0;

async function onPrivateHost(
  t: ExecutionContext,
  { setup, mend = false }: { setup: string[]; mend?: boolean },
): Promise<Observed> {
  const name = `tk${process.pid}x${hosts++}`;
  const dir = await mkdtemp(join(tmpdir(), 'private-world-'));
  await sh('ip', 'netns', 'add', name);
  t.teardown(async () => {
    await sh('ip', 'netns', 'delete', name);
    await rm(dir, { recursive: true });
  });
  const args = [join(import.meta.dirname, 'private-world.ts'), name, dir, mend ? 'mend' : 'bear', ...setup];
  return JSON.parse(await sh('nsenter', `--net=/run/netns/${name}`, process.execPath, ...args)) as Observed;
}
