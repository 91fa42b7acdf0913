import test from 'ava';
import {
  otherBridges,
  outwardLinks,
  parseHostLinks,
  readTogether,
  uplinkBridges,
  uplinkMtu,
} from '../../../../../src/backends/containerd/network/host-links.ts';

const link = (ifname: string, kind?: string, rest = {}) => ({
  ifname,
  flags: ['UP'],
  mtu: 1500,
  link_type: ifname === 'lo' ? 'loopback' : 'ether',
  linkinfo: kind ? { info_kind: kind } : undefined,
  addr_info: [{}],
  ...rest,
});

const links = [
  link('lo'),
  link('eth0', undefined, { mtu: 9000 }),
  link('eth1'),
  link('wg0', 'wireguard', { mtu: 1420 }),
  link('docker0', 'bridge'),
  link('br0', 'bridge'),
  link('vethab', 'veth', { master: 'docker0' }),
  link('cali1', 'veth'),
  link('openfaas0', 'bridge'),
];

const host = (...routes: object[]) => parseHostLinks(JSON.stringify(links), JSON.stringify(routes));

test('functions leave by the default routes of all tables, network cards and tunnels', (t) => {
  t.deepEqual(outwardLinks(host({ dst: 'default', dev: 'eth0' }), 'openfaas0'), ['eth0', 'eth1', 'wg0']);
  t.deepEqual(outwardLinks(host({ dst: '0.0.0.0/1', dev: 'tun9' }), 'openfaas0'), ['eth0', 'eth1', 'tun9', 'wg0']);
});

test('a bridge is private unless it is the way out', (t) => {
  t.deepEqual(otherBridges(host({ dst: 'default', dev: 'eth0' }), 'openfaas0'), ['br0', 'docker0']);
  const bridged = host({ dst: 'default', nexthops: [{ dev: 'br0' }, { dev: 'eth1' }] });
  t.deepEqual(bridged.uplinks, ['br0', 'eth1']);
  t.deepEqual(otherBridges(bridged, 'openfaas0'), ['docker0']);
  t.true(outwardLinks(bridged, 'openfaas0').includes('br0'));
  t.deepEqual(uplinkBridges(bridged), ['br0']);
});

test('a host without a default route has no known way out', (t) => {
  const closed = host({ dst: '192.0.2.0/24', dev: 'eth0' }, { type: 'unreachable', dst: 'default', dev: 'lo' });
  t.deepEqual(outwardLinks(closed, 'openfaas0'), []);
  t.deepEqual(parseHostLinks('', ''), { links: [], uplinks: [], routers: [], routes: new Set() });
});

test("packets are as large as the smallest uplink's, and no larger than Ethernet's", (t) => {
  t.is(uplinkMtu(host({ dst: 'default', dev: 'eth0' })), 1500);
  t.is(uplinkMtu(host({ dst: 'default', dev: 'eth0' }, { dst: 'default', dev: 'wg0', table: '51820' })), 1420);
  t.is(uplinkMtu(host()), 1500);
});

test('who asks while the links are read shares the reading, who asks after it has one of his own', async (t) => {
  let readings = 0;
  const links = readTogether(() => Promise.resolve({ ...parseHostLinks('', ''), routers: [`${++readings}`] }));
  const [first, beside] = await Promise.all([links(), links()]);
  t.is(beside, first);
  t.deepEqual([first.routers, (await links()).routers], [['1'], ['2']]);
});
