import test from 'ava';
import { closes, parseIptables, planIptables } from '../../../../../src/backends/containerd/network/iptables-rules.ts';
import { parseNetworkTargets } from '../../../../../src/provider/index.ts';
import { parseSubnet } from '../../../../../src/backends/containerd/network/subnet.ts';

const options = { table: 'berth', bridge: 'openfaas0', subnet: parseSubnet('10.62.0.0/16'), gatewayPort: 8080 };
const open = ['-P INPUT ACCEPT', '-P FORWARD ACCEPT', '-P OUTPUT ACCEPT'];
const out = { in: 'openfaas0', out: 'eth0' };

const plan = (lines: string[], outward = ['eth0'], allow = '') =>
  planIptables(lines.join('\n'), options, { outward, allowed: parseNetworkTargets(allow) });

test('a chain closes by its policy, by a reject for all, or by a chain that it leads to', (t) => {
  const closed = [
    ['-P FORWARD DROP'],
    [...open, '-A FORWARD -j REJECT --reject-with icmp-host-prohibited'],
    [...open, '-N a', '-N b', '-A FORWARD -j a', '-A a -j b', '-A b -m comment --comment "the \\"rest\\"" -j DROP'],
    [...open, '-A FORWARD ! -i docker0 -j DROP'],
    [...open, '-A FORWARD -i open+ ! -o wg0 -j REJECT --reject-with icmp-port-unreachable'],
    [...open, '-N a', '-A FORWARD -i openfaas0 -g a', '-A a -j LOG', '-A a -j DROP'],
  ];
  for (const lines of closed) t.true(closes(parseIptables(lines.join('\n')), 'FORWARD', out), lines.join('; '));
});

test('a chain that stops some traffic only does not close', (t) => {
  const free = [
    open,
    ['-P FORWARD DROP', '-A FORWARD -j ACCEPT'],
    [...open, '-A FORWARD -i eth0 -j DROP', '-A FORWARD -p tcp -m tcp --dport 25 -j REJECT', '-A INPUT -j DROP'],
    [...open, '-N a', '-A FORWARD -j a', '-A a -j RETURN', '-A a -j DROP'],
    [...open, '-N a', '-A FORWARD -j a', '-A a -j a'],
    [...open, '-A FORWARD -d 10.1.0.0/16 -j DROP'],
  ];
  for (const lines of free) t.false(closes(parseIptables(lines.join('\n')), 'FORWARD', out), lines.join('; '));
});

test('an open host gets no rules', (t) => {
  t.like(plan(open), { chains: [], wanted: '', inForce: true });
});

test('functions are let out by the uplinks alone, and answers in', (t) => {
  t.is(
    plan(['-P FORWARD DROP'], ['eth0', 'wg0']).wanted,
    `-A FORWARD -i openfaas0 -o eth0 -m comment --comment berth -j ACCEPT
-A FORWARD -i openfaas0 -o wg0 -m comment --comment berth -j ACCEPT
-A FORWARD -o openfaas0 -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment berth -j ACCEPT`,
  );
});

test('of the host functions get gateway and name server', (t) => {
  t.is(
    plan(['-P INPUT DROP']).wanted,
    `-A INPUT -i openfaas0 -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment berth -j ACCEPT
-A INPUT -i openfaas0 -d 10.62.0.1 -p tcp --dport 8080 -m comment --comment berth -j ACCEPT
-A INPUT -i openfaas0 -p tcp --dport 53 -m comment --comment berth -j ACCEPT
-A INPUT -i openfaas0 -p udp --dport 53 -m comment --comment berth -j ACCEPT`,
  );
});

test('rules go into DOCKER-USER where Docker uses it, not into what an uninstalled Docker left', (t) => {
  const docker = ['-P FORWARD DROP', '-N DOCKER-USER', '-A FORWARD -j DOCKER-USER'];
  t.deepEqual(plan(docker).chains, ['DOCKER-USER']);
  t.deepEqual(plan(docker.slice(0, 2)).chains, ['FORWARD']);
});

test('rules of ours that no longer fit are taken away as the others come, at once', (t) => {
  const old = '-A FORWARD -i openfaas0 -o wlan0 -m comment --comment berth -j ACCEPT';
  const { restore, present } = plan([
    '-P FORWARD DROP',
    old,
    '-A FORWARD -i openfaas0 -m comment --comment mine -j ACCEPT',
  ]);
  t.is(present, old);
  t.is(
    restore,
    `*filter
-D FORWARD -i openfaas0 -o wlan0 -m comment --comment berth -j ACCEPT
-I FORWARD 1 -o openfaas0 -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment berth -j ACCEPT
-I FORWARD 1 -i openfaas0 -o eth0 -m comment --comment berth -j ACCEPT
COMMIT
`,
  );
});

test('a reject before our rules takes them out of force', (t) => {
  const ours = ['-A FORWARD -i openfaas0 -o eth0 -m comment --comment "berth" -j ACCEPT'];
  const input = ['-A INPUT -i openfaas0 -p udp -m udp --dport 53 -m comment --comment berth -j ACCEPT'];
  t.true(plan([...open, ...ours, '-A FORWARD -j REJECT']).inForce);
  t.false(plan([...open, '-A FORWARD -j REJECT', ...ours]).inForce);
  t.true(plan([...open, ...input, '-A INPUT -j REJECT']).inForce);
  t.false(plan([...open, '-A INPUT -j REJECT', ...input]).inForce);
});

test('what some functions may reach passes chains that stop by default, as no other table can outweigh those', (t) => {
  const dropping = ['-P INPUT DROP', '-P FORWARD DROP'];
  const wanted = (allow: string) => plan(dropping, ['eth0'], allow).wanted.split('\n');
  const before = wanted('');
  const added = wanted('functions, host:5432, host:5432, 172.17.0.0/16, 10.0.0.1:80').filter(
    (rule) => !before.includes(rule),
  );
  const accept = '-m comment --comment berth -j ACCEPT';
  t.deepEqual(
    added,
    [
      ...['tcp', 'udp'].map((protocol) => `-A INPUT -i openfaas0 -p ${protocol} --dport 5432`),
      '-A INPUT -i openfaas0 -d 172.17.0.0/16',
      ...['tcp', 'udp'].map((protocol) => `-A INPUT -i openfaas0 -d 10.0.0.1/32 -p ${protocol} --dport 80`),
      '-A FORWARD -i openfaas0 -o openfaas0',
      '-A FORWARD -i openfaas0 -d 172.17.0.0/16',
      ...['tcp', 'udp'].map((protocol) => `-A FORWARD -i openfaas0 -d 10.0.0.1/32 -p ${protocol} --dport 80`),
    ].map((rule) => `${rule} ${accept}`),
  );
  t.is(plan([], ['eth0'], 'functions, host:5432').wanted, '', 'nothing where nothing stops them');
});
