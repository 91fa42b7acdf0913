import test from 'ava';
import fc from 'fast-check';
import { NetworkError } from '../../../../../src/backends/containerd/network/index.ts';
import { parseSubnet } from '../../../../../src/backends/containerd/network/subnet.ts';

test('the gateway is the first address of the subnet', (t) => {
  t.deepEqual(parseSubnet('10.62.0.0/16'), {
    cidr: '10.62.0.0/16',
    length: 16,
    gateway: '10.62.0.1',
    capacity: 65_533,
  });
  t.deepEqual(parseSubnet('192.168.7.200/28'), {
    cidr: '192.168.7.192/28',
    length: 28,
    gateway: '192.168.7.193',
    capacity: 13,
  });
  t.deepEqual(parseSubnet('240.0.0.0/8'), {
    cidr: '240.0.0.0/8',
    length: 8,
    gateway: '240.0.0.1',
    capacity: 16_777_213,
  });
});

test('what is no IPv4 network with room for a function is refused with an example', (t) => {
  for (const text of [
    '',
    '10.62.0.0',
    '10.62.0.0/',
    '10.62.0.0/31',
    '10.62.0.0/7',
    '10.62.0/16',
    'fd00::/64',
    '10.62.0.0/1e1',
    'x/16',
  ]) {
    t.throws(() => parseSubnet(text), { instanceOf: NetworkError, message: /such as 10\.62\.0\.0\/16/ }, text);
  }
});

test('every address of a subnet names the same subnet', (t) => {
  fc.assert(
    fc.property(fc.ipV4(), fc.integer({ min: 8, max: 30 }), (address, length) => {
      const subnet = parseSubnet(`${address}/${length}`);
      t.deepEqual(parseSubnet(subnet.cidr), subnet);
      t.deepEqual(parseSubnet(`${subnet.gateway}/${length}`), subnet);
    }),
  );
});
