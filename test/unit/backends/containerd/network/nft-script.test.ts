import test from 'ava';
import { isolationScript, nftScript } from '../../../../../src/backends/containerd/network/nft-script.ts';
import { parseSubnet } from '../../../../../src/backends/containerd/network/subnet.ts';

const options = { table: 'berth', bridge: 'openfaas0', subnet: parseSubnet('10.62.0.0/16'), gatewayPort: 8080 };
const ways = {
  outward: ['eth0', 'wg0'],
  otherBridges: ['docker0'],
  uplinkBridges: [],
  closesForwarding: false,
  allowances: [],
};

test('functions go to the uplinks alone', (t) => {
  t.true(
    nftScript(options, ways).includes('iifname "openfaas0" oifname != { "openfaas0", "eth0", "wg0" } jump private'),
  );
});

test('without a known way out private bridges are denied all the same', (t) => {
  const script = nftScript(options, { ...ways, outward: [] });
  t.true(script.includes('iifname "openfaas0" oifname { "docker0" } jump private'));
  t.false(nftScript(options, { ...ways, outward: [], otherBridges: [] }).includes('jump private'));
});

test('metadata services are denied, those of Azure and Alibaba included, but their name servers', (t) => {
  const script = nftScript(options, ways);
  t.true(script.includes('ip daddr { 169.254.0.0/16, 168.63.129.16, 100.100.100.200, 192.0.0.192 } jump metadata'));
  t.true(script.includes('meta l4proto { tcp, udp } th dport 53 return'));
});

test('forwarding that we switched on is closed to what comes from elsewhere, IPv4 alone', (t) => {
  t.false(nftScript(options, ways).includes('jump closed'));
  const script = nftScript(options, { ...ways, closesForwarding: true });
  t.true(script.includes('meta nfproto ipv4 iifname != { "openfaas0", "docker0" } jump closed'));
});

test('isolation asks the kernel for neither masquerading nor rejecting', (t) => {
  const script = isolationScript(options, ways);
  t.notRegex(script, /reject|masquerade|maxseg|type nat/);
  t.regex(script, /hook forward/);
  t.regex(script, /hook input/);
});

test('TCP connections of functions ask for segments that the way out takes, in both directions', (t) => {
  const script = nftScript(options, ways);
  for (const direction of ['iifname', 'oifname']) {
    t.regex(script, new RegExp(`${direction} "openfaas0" tcp flags .* tcp option maxseg size set rt mtu`));
  }
});

test('virtual machines on a bridge that is the way out are reached from the LAN all the same', (t) => {
  const script = nftScript(options, { ...ways, uplinkBridges: ['br0'], closesForwarding: true });
  t.regex(script, /iifname "br0" oifname "br0" accept\n.* jump closed/);
});
