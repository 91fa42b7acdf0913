import test from 'ava';
import { CallbackAddresses, CallbackRefusedError } from '../../../../src/gateway/async/callback-address.ts';
import { CallbackAllow } from '../../../../src/gateway/async/callback-allow.ts';

const found = (...addresses: string[]) =>
  addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

const withAllow = (allow: string, addresses: string[] = ['93.184.215.14']) =>
  new CallbackAddresses({
    allow: new CallbackAllow(allow),
    defaultNamespace: 'openfaas-fn',
    find: () => Promise.resolve(found(...addresses)),
  });

const inside = [
  ...['127.0.0.1', '127.8.9.10:8080', '0.0.0.0', '0.1.2.3', '10.1.2.3', '172.16.0.1', '172.31.255.254', '192.168.1.5'],
  ...['169.254.169.254', '100.64.0.1', '100.100.100.200', '168.63.129.16', '192.0.0.192', '198.18.0.1'],
  ...['224.0.0.1', '239.255.255.250', '240.0.0.1', '255.255.255.255'],
  // One part, two, three; decimal, octal, hexadecimal
  ...['2130706433', '127.1', '10.1', '0', '0177.0.0.1', '017700000001', '0x7f.0.0.1', '0x7f000001', '0xa9fea9fe'],
  ...[
    '0251.0376.0251.0376',
    '2852039166',
    '192.168.257',
    '127.0.0.1.',
    '%31%32%37.0.0.1',
    '１２７.０.０.１',
    '①②⑦.0.0.1',
  ],
  ...['[::]', '[::1]', '[0:0:0:0:0:0:0:1]', '[fe80::1]', '[fec0::1]', '[fc00::1]', '[fd00:ec2::254]', '[fd20:ce::254]'],
  ...['[ff02::1]', '[ff0e::1]', '[100::1]', '[5f00::1]', '[2001::1]', '[2001:0:7f00:1::]'],
  // IPv4 in IPv6: mapped, compatible, translated, NAT64, NAT64 of a network's own, 6to4
  ...['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:ffff:a9fe:a9fe]', '[::ffff:10.0.0.1]', '[::127.0.0.1]'],
  ...['[::ffff:0:127.0.0.1]', '[64:ff9b::127.0.0.1]', '[64:ff9b::a9fe:a9fe]', '[64:ff9b:1::10.0.0.1]'],
  ...['[2002:7f00:1::]', '[2002:c0a8:105::1]', '[2002:a9fe:a9fe::1]'],
  ...['localhost', 'LocalHost:8080', 'localhost.', 'a.localhost', 'ｌｏｃａｌｈｏｓｔ'],
];
for (const host of inside) {
  test(`${host} is called back by nobody, until the operator allows it`, async (t) => {
    for (const scheme of ['http', 'https']) {
      const url = `${scheme}://${host}/hook`;
      const error = t.throws(() => withAllow('none').parse(url), { instanceOf: CallbackRefusedError }, url);
      t.is(error.status, 400);
      t.regex(error.message, /callback_allow/);
      await t.throwsAsync(withAllow('none').check(url), { instanceOf: CallbackRefusedError }, url);
    }
    const all = withAllow('0.0.0.0/0, ::/0, localhost, *.localhost');
    t.true('url' in all.parse(`http://${host}/hook`));
  });
}

const outside = [
  ...['example.com', 'example.com.:8443', '93.184.215.14', '172.15.0.1', '172.32.0.1', '100.63.0.1', '100.128.0.1'],
  ...['169.253.1.1', '223.1.1.1', '11.0.0.1', 'gateway.example.com', 'gateway.openfaas.example.com', 'mygateway'],
  ...[
    '[2606:2800:21f:cb07::1]',
    '[2001:4860:4860::8888]',
    '[::ffff:8.8.8.8]',
    '[64:ff9b::8.8.8.8]',
    '[2002:808:808::1]',
  ],
];
for (const host of outside) {
  test(`${host} is called back`, async (t) => {
    const addresses = withAllow('none');
    t.deepEqual(addresses.parse(`https://${host}/a?b=c`), { url: new URL(`https://${host}/a?b=c`) });
    await t.notThrowsAsync(addresses.check(`https://${host}/a?b=c`));
  });
}

const allowed: [allow: string, url: string, isAllowed: boolean][] = [
  ['192.168.0.0/16', 'http://192.168.1.5/', true],
  ['192.168.0.0/16', 'http://10.0.0.5/', false],
  ['192.168.0.0/16', 'http://[::ffff:192.168.1.5]/', true],
  ['192.168.0.0/16', 'http://127.0.0.1/', false],
  ['192.168.1.5', 'http://192.168.1.5:9000/', true],
  ['192.168.1.5', 'http://192.168.1.6/', false],
  ['10.0.0.0/8, fd00::/8', 'http://[fd00::7]/', true],
  ['fd00::/8', 'http://[fe80::7]/', false],
  ['hooks.lan', 'http://hooks.lan:9000/', true],
  ['hooks.lan', 'http://HOOKS.lan./', true],
  ['hooks.lan', 'http://other.hooks.lan/', false],
  ['hooks.lan', 'http://evilhooks.lan/', false],
  ['*.lan', 'http://a.b.lan/', true],
  ['*.lan', 'http://lan/', false],
  ['*.lan', 'http://evillan/', false],
  ['localhost', 'http://localhost:9000/', true],
  ['localhost', 'http://127.0.0.1:9000/', false],
];
for (const [allow, url, isAllowed] of allowed) {
  test(`callback_allow=${allow} ${isAllowed ? 'lets' : 'does not let'} ${url} be called back`, async (t) => {
    // Where every name leads into the private network.
    const checking = withAllow(allow, ['127.0.0.9']).check(url);
    if (isAllowed) await t.notThrowsAsync(checking);
    else await t.throwsAsync(checking, { instanceOf: CallbackRefusedError });
  });
}

for (const addresses of [
  ['127.0.0.1'],
  ['169.254.169.254'],
  ['93.184.215.14', '10.0.0.1'],
  ['fe80::1%eth0'],
  ['::1'],
]) {
  test(`a name that leads to ${addresses.join(' and ')} is refused at once and later`, async (t) => {
    await t.throwsAsync(withAllow('none', addresses).check('http://rebind.test/'), {
      instanceOf: CallbackRefusedError,
    });
    const refused = withAllow('none', addresses).addressesOf(new URL('http://rebind.test/'));
    const error = await t.throwsAsync(refused, { instanceOf: CallbackRefusedError });
    for (const address of addresses) t.false(error.message.includes(address), 'strangers ask no internal names of us');
  });
}

test('a name that cannot be found yet is accepted: it is looked up again when the answer is posted', async (t) => {
  const find = () => Promise.reject(new Error('getaddrinfo EAI_AGAIN'));
  await t.notThrowsAsync(new CallbackAddresses({ defaultNamespace: 'openfaas-fn', find }).check('http://later.test/'));
});

for (const host of ['metadata.google.internal', 'metadata', 'printer.local', 'nas.home.arpa.', 'hooks.lan']) {
  test(`${host}, which nobody outside has, is refused where it is not found and nothing is allowed`, async (t) => {
    const find = () => Promise.reject(new Error('getaddrinfo ENOTFOUND'));
    const checking = (allow: string) =>
      new CallbackAddresses({ allow: new CallbackAllow(allow), defaultNamespace: 'openfaas-fn', find }).check(
        `http://${host}/computeMetadata/v1/`,
      );
    await t.throwsAsync(checking('none'), { instanceOf: CallbackRefusedError, message: /callback_allow/ });
    await t.notThrowsAsync(checking('192.168.0.0/16'), 'it may be found later, and lead there');
  });
}

for (const [host, leadsTo] of [
  ['203.0.113.7', '203.0.113.7'],
  ['[2a01:4f8::7]', '2a01:4f8::7'],
  ['[2A01:04F8:0::0007]:8082', '2a01:4f8::7'],
  ['[::ffff:203.0.113.7]', '203.0.113.7'],
  ['faas.example.com', '203.0.113.7'],
] as const) {
  test(`${host} is this host by an address that others reach too: its closed ports are open to it`, async (t) => {
    const find = () => Promise.resolve(found(leadsTo));
    const at = (allow: string) =>
      new CallbackAddresses({
        ...{ allow: new CallbackAllow(allow), defaultNamespace: 'openfaas-fn', find },
        ownAddresses: () => ['127.0.0.1', '203.0.113.7', '2a01:4f8::7', 'fe80::1%eth0'],
      });
    await t.throwsAsync(at('none').check(`http://${host}/`), { instanceOf: CallbackRefusedError });
    await t.throwsAsync(at('none').addressesOf(new URL(`http://${host}/`)), { instanceOf: CallbackRefusedError });
    await t.notThrowsAsync(at(leadsTo).check(`http://${host}/`));
  });
}

test('a name server that does not answer holds up no call, and few lookups at once', async (t) => {
  let asked = 0;
  const find = () => (asked++, new Promise<never>(() => {}));
  const addresses = new CallbackAddresses({ defaultNamespace: 'openfaas-fn', find, patienceMs: 1 });
  await Promise.all(Array.from({ length: 50 }, () => addresses.check('http://slow.test/')));
  t.is(asked, 4);
});

for (const [url, path] of [
  ['http://gateway/function/env', '/function/env.openfaas-fn/'],
  ['http://gateway:8080/function/env.dev/a%2fb?c=d#e', '/function/env.dev/a%2fb?c=d'],
  ['https://gateway.openfaas:31112/function/env?x', '/function/env.openfaas-fn/?x'],
  ['http://GATEWAY.openfaas.svc.cluster.local.:8080/function/env', '/function/env.openfaas-fn/'],
  ['http://gateway.openfaas.svc/function/../function/env/', '/function/env.openfaas-fn/'],
] as const) {
  test(`${url} is a function of this gateway`, (t) => {
    t.deepEqual(withAllow('none', ['127.0.0.1']).parse(url), { path });
  });
}

for (const url of [
  'http://gateway:8080/',
  'http://gateway:8080/system/functions',
  'http://gateway:8080/function/../system/functions',
  'http://gateway:8080/function/%2e%2e/system/functions',
  'http://gateway:8080/function/..\\..\\system/functions',
  'http://gateway:8080/function/',
  'http://gateway:8080/function/No_Name',
  'http://gateway:8080/async-function/env',
  'http://gateway:8080//function/env',
  'http://gateway:8080/metrics',
]) {
  test(`${url} is no function of this gateway`, (t) => {
    const refused = { instanceOf: CallbackRefusedError, message: /gateway:8080\/function\/NAME/ };
    t.throws(() => withAllow('0.0.0.0/0, gateway').parse(url), refused);
  });
}

for (const url of [
  ...[
    '',
    ' ',
    'hook',
    '/hook',
    '//example.com/hook',
    'http://',
    'http:///',
    'http://a b/',
    'http://[::1',
    'http://1.2.3.4.5/',
  ],
  ...['http://[fe80::1%25eth0]/', 'http://256.1.1.1/', 'http://a,http://b', 'ftp://example.com/', 'file:///etc/passwd'],
  ...[
    'javascript:alert(1)',
    'gopher://127.0.0.1:70/',
    'unix:/run/x.sock',
    'http://user@example.com/',
    'http://a:b@example.com/',
  ],
  `http://${'x'.repeat(60_000)}.localhost/`,
  ...[
    'http://:secret@example.com/',
    'http://example.com@127.0.0.1/',
    'http://gateway@127.0.0.1/',
    'http://example.com:99999/',
  ],
]) {
  test(`"${url.slice(0, 80)}" is refused, whatever is allowed`, (t) => {
    const error = t.throws(() => withAllow('0.0.0.0/0, ::/0').parse(url), { instanceOf: CallbackRefusedError });
    t.false(error.message.includes('secret'));
    t.true(error.message.length < 400);
  });
}

test('what callback_allow cannot be is told', (t) => {
  for (const wrong of [
    '10.0.0.0/33',
    'http://hooks.lan',
    'hooks.lan:80',
    '10.0.0',
    '0x7f.1',
    '*',
    '*.',
    'a..b',
    '1.2.3.4/8/9',
  ]) {
    t.throws(() => new CallbackAllow(wrong), { instanceOf: RangeError }, wrong);
  }
  t.notThrows(() => new CallbackAllow(' none '));
  t.notThrows(() => new CallbackAllow('10.0.0.0/8,,hooks.lan *.corp.example\nfd00::/8'));
});
