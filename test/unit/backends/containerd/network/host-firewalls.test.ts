import test from 'ava';
import { stoppingChains } from '../../../../../src/backends/containerd/network/host-firewalls.ts';
import { parseRuleset } from '../../../../../src/backends/containerd/network/nft-ruleset.ts';
import { parseSubnet } from '../../../../../src/backends/containerd/network/subnet.ts';

const options = {
  table: 'berth',
  bridge: 'openfaas0',
  subnet: parseSubnet('10.62.0.0/16'),
  gatewayPort: 8080,
  outward: ['eth0'],
  passed: [] as string[],
};

type Expression = Record<string, unknown>;

const match = (left: Expression, right: unknown, op = '==') => ({ match: { op, left, right } });
const meta = (key: string, right: unknown, op = '==') => match({ meta: { key } }, right, op);
const state = (...states: string[]) => match({ ct: { key: 'state' } }, { set: states });
const payload = (protocol: string, field: string, right: unknown) => match({ payload: { protocol, field } }, right);
const accept = { accept: null };
const drop = { drop: null };
const reject = { reject: { type: 'icmpx', expr: 'admin-prohibited' } };
const jump = (target: string) => ({ jump: { target } });

interface Given {
  hook?: string;
  policy?: string;
  family?: string;
  table?: string;
  rules: Expression[][];
  others?: Record<string, Expression[][]>;
}

/** Whether functions are stopped by a ruleset of one base chain and the chains that it leads to. */
function areStopped({
  hook = 'forward',
  policy = 'accept',
  family = 'inet',
  table = 'mine',
  rules,
  others = {},
}: Given) {
  const all = Object.entries({ base: rules, ...others });
  const nftables = [
    { metainfo: { version: '1.0.6' } },
    { table: { family, name: table } },
    ...all.map(([name]) => ({ chain: { family, table, name, ...(name === 'base' ? { hook, policy } : {}) } })),
    ...all.flatMap(([chain, list]) => list.map((expr) => ({ rule: { family, table, chain, expr } }))),
  ];
  return stoppingChains(parseRuleset(JSON.stringify({ nftables })), options).length > 0;
}

const established = [state('established', 'related'), accept];

test('a policy of drop and a reject for all stop functions', (t) => {
  t.true(areStopped({ policy: 'drop', rules: [] }));
  t.true(areStopped({ rules: [established, [meta('iifname', 'lo'), accept], [{ counter: {} }, reject]] }));
  t.true(areStopped({ hook: 'input', rules: [established, [payload('tcp', 'dport', 22), accept], [drop]] }));
  t.true(areStopped({ hook: 'output', policy: 'drop', rules: [established] }));
  t.true(areStopped({ rules: [[jump('rest')]], others: { rest: [[{ xt: { type: 'target', name: 'REJECT' } }]] } }));
  t.true(areStopped({ policy: 'drop', rules: [[meta('iifname', 'openfaas0'), accept]] }), 'answers are stopped');
  t.true(
    areStopped({ rules: [[meta('iifname', { set: ['wlan*', 'openfaas*'] }), meta('oifname', 'wg0', '!='), drop]] }),
  );
  t.true(areStopped({ family: 'ip', table: 'filter', policy: 'drop', rules: [] }), "nft's table of iptables' name");
});

test('functions that are let through, or stopped in part, are not stopped', (t) => {
  const vmap = (key: Expression, ...set: [unknown, Expression][]) => ({ vmap: { key, data: { set } } });
  const states = vmap({ ct: { key: 'state' } }, ['established', accept], ['related', accept], ['invalid', drop]);
  t.false(areStopped({ rules: [] }));
  t.false(areStopped({ policy: 'drop', rules: [[states], [meta('iifname', 'openfaas0'), { counter: {} }, accept]] }));
  t.false(
    areStopped({
      policy: 'drop',
      rules: [established, [payload('ip', 'saddr', { prefix: { addr: '10.0.0.0', len: 8 } }), accept]],
    }),
  );
  t.false(
    areStopped({
      policy: 'drop',
      hook: 'input',
      rules: [established, [payload('tcp', 'dport', { range: [8000, 8999] }), accept]],
    }),
  );
  t.false(
    areStopped({
      rules: [
        [meta('nfproto', 'ipv6'), drop],
        [payload('ip6', 'daddr', '::1'), reject],
        [{ limit: {} }, drop],
      ],
    }),
  );
  t.false(
    areStopped({
      rules: [
        [match({ ct: { key: 'status' } }, 'dnat', 'in'), drop],
        [meta('iifname', '@blocked'), drop],
      ],
    }),
  );
  t.false(areStopped({ family: 'ip6', policy: 'drop', rules: [] }));
  t.false(areStopped({ table: 'berth', policy: 'drop', rules: [] }), 'our own');
  t.false(areStopped({ hook: 'prerouting', policy: 'drop', rules: [] }));
});

test("firewalld's trusted zone lets functions through", (t) => {
  const zone = vmapless('openfaas0');
  const rules = [established, [jump('zones')], [reject]];
  t.false(areStopped({ table: 'firewalld', rules, others: { zones: [zone], trusted: [[accept]] } }));
  t.true(areStopped({ table: 'firewalld', rules, others: { zones: [vmapless('eth0')], trusted: [[accept]] } }));
});

const vmapless = (name: string) => [meta('iifname', name), { goto: { target: 'trusted' } }];

test('chains that iptables opened are not warned of, others of the same table are', (t) => {
  const chain = (name: string) => ({ chain: { family: 'ip', table: 'filter', name, hook: 'forward', policy: 'drop' } });
  const ruleset = parseRuleset(JSON.stringify({ nftables: [chain('FORWARD'), chain('forward')] }));
  const stopping = stoppingChains(ruleset, { ...options, passed: ['FORWARD'] });
  t.deepEqual(
    stopping.map(({ name }) => name),
    ['forward'],
  );
});
