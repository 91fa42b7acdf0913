import test from 'ava';
import fc from 'fast-check';
import { resolvConf } from '../../../../../src/backends/containerd/network/index.ts';

const gateway = '10.62.0.1';
const stub = 'nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch lan\n';

test('the servers of the host are kept, with search and options', (t) => {
  const host = '# by hand\nnameserver 192.0.2.53\nnameserver\t198.51.100.53\nsearch lan example.org\noptions ndots:2\n';
  t.deepEqual(resolvConf([host], gateway), {
    text: 'nameserver 192.0.2.53\nnameserver 198.51.100.53\nsearch lan example.org\noptions ndots:2\n',
    nameservers: ['192.0.2.53', '198.51.100.53'],
    usesGateway: false,
  });
});

test('a stub on loopback gives way to the servers behind it', (t) => {
  const upstream = 'nameserver 192.0.2.53\nsearch office\n';
  const { text, usesGateway } = resolvConf([stub, upstream], gateway);
  t.is(text, 'nameserver 192.0.2.53\nsearch office\n');
  t.false(usesGateway);
});

test('loopback and IPv6 servers beside a real one are dropped', (t) => {
  const host = 'nameserver 127.0.0.1\nnameserver ::1\nnameserver 2001:db8::53\nnameserver 192.0.2.53\n';
  t.deepEqual(resolvConf([host], gateway).nameservers, ['192.0.2.53']);
});

test('a host that names nobody reachable sends functions to the bridge, never to a public server', (t) => {
  for (const candidates of [[stub], [stub, ''], ['nameserver ::1'], [''], []]) {
    const { nameservers, usesGateway } = resolvConf(candidates, gateway);
    t.deepEqual(nameservers, [gateway]);
    t.true(usesGateway);
  }
  t.is(resolvConf([stub], gateway).text, `nameserver ${gateway}\noptions edns0 trust-ad\nsearch lan\n`);
});

test('whatever the files hold, there is a server and none is on loopback', (t) => {
  const line = fc.oneof(
    fc.ipV4().map((ip) => `nameserver ${ip}`),
    fc.ipV6().map((ip) => `nameserver ${ip}`),
    fc.constant('nameserver 127.0.0.53'),
    fc.string(),
  );
  const file = fc.array(line).map((lines) => lines.join('\n'));
  fc.assert(
    fc.property(fc.array(file), (files) => {
      const { text, nameservers } = resolvConf(files, gateway);
      t.true(nameservers.length > 0);
      t.notRegex(text, /^nameserver (127\.|.*:)/m);
    }),
  );
});

test("servers and search domains that are set take the place of the host's, its options stay", (t) => {
  const host = 'nameserver 192.0.2.53\nsearch lan\ndomain lan\noptions ndots:2\n';
  t.is(
    resolvConf([host], gateway, { servers: ['10.0.0.2', '10.0.0.3'], search: ['example.com', 'test'] }).text,
    'nameserver 10.0.0.2\nnameserver 10.0.0.3\nsearch example.com test\noptions ndots:2\n',
  );
  t.is(resolvConf([host], gateway, { search: ['.'] }).text, 'nameserver 192.0.2.53\nsearch .\noptions ndots:2\n');
  t.deepEqual(resolvConf([''], gateway, { servers: ['10.0.0.2'] }), {
    text: 'nameserver 10.0.0.2\n',
    nameservers: ['10.0.0.2'],
    usesGateway: false,
  });
});
