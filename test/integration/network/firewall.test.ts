import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { sh, testHost } from './host.ts';
import type { Observed } from './private-host.ts';

const rules = (name: string) => sh('nft', 'list', 'table', 'inet', name);

test('ensuring the host twice leaves one set of rules, removing it none', async (t) => {
  const { network, name } = await testHost(t, { subnet: '10.231.0.0/24' });
  await network.ensureHost();
  const once = await rules(name);
  await network.ensureHost();
  t.is(await rules(name), once);
  t.regex(once, /ip saddr 10\.231\.0\.0\/24 ip daddr != 10\.231\.0\.0\/24 masquerade/);
  await network.attach('a');
  await network.detach('a');
  await network.removeHost();
  await t.throwsAsync(rules(name), { message: /No such file/ });
  await t.notThrowsAsync(network.removeHost());
});

const open: Omit<Observed, 'neighbour'> = {
  gateway: 'open',
  outside: 'open',
  function: 'open',
  twice: 'same',
  warnings: 0,
  removed: 'clean',
};

test('functions do not reach each other where the kernel filters no bridged traffic', async (t) => {
  const { neighbour, ...observed } = await onPrivateHost(t, {
    firewall: ['echo 0 > /proc/sys/net/bridge/bridge-nf-call-iptables'],
  });
  t.not(neighbour, 'open');
  t.deepEqual(observed, open);
});

test('functions of a host whose iptables drop by default, as with Docker and ufw, reach gateway and outside', async (t) => {
  const firewall = ['iptables -P FORWARD DROP', 'iptables -P INPUT DROP', 'iptables -A INPUT -i lo -j ACCEPT'];
  const { neighbour, ...observed } = await onPrivateHost(t, { firewall });
  t.not(neighbour, 'open');
  t.deepEqual(observed, open);
});

test('rules go into the DOCKER-USER chain where Docker made one', async (t) => {
  const firewall = ['iptables -P FORWARD DROP', 'iptables -N DOCKER-USER', 'iptables -A FORWARD -j DOCKER-USER'];
  const { neighbour, ...observed } = await onPrivateHost(t, { firewall });
  t.not(neighbour, 'open');
  t.deepEqual(observed, open);
});

const handwritten = ['forward', 'input'].map(
  (hook) =>
    `nft 'add table inet mine; add chain inet mine ${hook} { type filter hook ${hook} priority 0; policy drop; }'`,
);

test('a firewall written by hand that drops is left alone and warned of', async (t) => {
  const { neighbour, ...observed } = await onPrivateHost(t, { firewall: handwritten });
  t.not(neighbour, 'open');
  t.deepEqual(observed, { ...open, gateway: 'silent', outside: 'silent', function: 'silent', warnings: 2 });
});

test('the commands that the warning names mend it', async (t) => {
  const { neighbour, ...observed } = await onPrivateHost(t, { firewall: handwritten, mend: true });
  t.not(neighbour, 'open');
  t.deepEqual(observed, { ...open, warnings: 2 });
});

let hosts = 0;

async function onPrivateHost(
  t: ExecutionContext,
  { firewall, mend = false }: { firewall: string[]; mend?: boolean },
): Promise<Observed> {
  const name = `tp${process.pid}x${hosts++}`;
  const dir = await mkdtemp(join(tmpdir(), 'private-host-'));
  await sh('ip', 'netns', 'add', name);
  t.teardown(async () => {
    await sh('ip', 'netns', 'delete', name);
    await rm(dir, { recursive: true });
  });
  const script = join(import.meta.dirname, 'private-host.ts');
  const args = [script, name, dir, mend ? 'mend' : 'bear', ...firewall];
  return JSON.parse(await sh('nsenter', `--net=/run/netns/${name}`, process.execPath, ...args)) as Observed;
}
