import { join } from 'node:path';
import test from 'ava';
import { loadConflist, parseConflist } from '../../../../../src/cni/index.ts';
import { bridgeNetwork } from '../../../../../src/backends/containerd/network/bridge-conflist.ts';
import { NetworkError } from '../../../../../src/backends/containerd/network/index.ts';

const shipped = () => loadConflist(join(import.meta.dirname, '../../../../../cni/10-openfaas.conflist'));

test('the conflist that berth ships with is a usable network', async (t) => {
  const network = bridgeNetwork(await shipped(), { dataDir: '/run/x/ipam' });
  t.like(network, { name: 'openfaas', bridge: 'openfaas0', subnet: { cidr: '10.62.0.0/16', gateway: '10.62.0.1' } });
});

test('subnet and folder of addresses are ours, the rest of the conflist stays', async (t) => {
  const conflist = await shipped();
  const [bridge] = conflist.plugins;
  const extended = { ...conflist, plugins: [{ ...bridge, type: 'bridge', mtu: 1400 }, { type: 'tuning' }] };
  const network = bridgeNetwork(extended, { dataDir: '/run/x/ipam', subnet: '172.30.0.0/24' });
  t.is(network.subnet.gateway, '172.30.0.1');
  t.like(network.conflist.plugins[0], {
    mtu: 1400,
    ipMasq: false,
    ipam: {
      type: 'host-local',
      dataDir: '/run/x/ipam',
      ranges: [[{ subnet: '172.30.0.0/24', gateway: '172.30.0.1' }]],
      routes: [{ dst: '0.0.0.0/0' }],
    },
  });
  t.deepEqual(network.conflist.plugins[1], { type: 'tuning' });
});

test('a network that is no bridge with host-local addresses is refused', (t) => {
  const conflist = (plugin: object) =>
    parseConflist(JSON.stringify({ cniVersion: '0.4.0', name: 'n', plugins: [plugin] }));
  const ipam = { type: 'host-local', ranges: [[{ subnet: '10.0.0.0/24' }]] };
  for (const plugin of [
    { type: 'macvlan', ipam },
    { type: 'bridge', bridge: 'b0', ipam: { type: 'dhcp' } },
    { type: 'bridge', bridge: 'b0; drop', ipam },
    { type: 'bridge', ipam },
  ]) {
    const open = () => bridgeNetwork(conflist(plugin), { dataDir: '/run/x' });
    t.throws(open, { instanceOf: NetworkError, message: /must start with a bridge plugin/ });
  }
});
