import test from 'ava';
import { parseDnsSearch, parseDnsServers, workloadOf } from '../../../../src/provider/index.ts';

const reading = (annotations: Record<string, string>) =>
  workloadOf({ name: 'fn', namespace: 'openfaas-fn', image: 'fn', annotations });
const servers = (text: string) => reading({ 'com.openfaas.dns.servers': text });
const search = (text: string) => reading({ 'com.openfaas.dns.search': text });

test('name servers and search domains are lists, and absent without annotations', (t) => {
  t.deepEqual(servers(' 10.0.0.2, 10.0.0.3 10.0.0.2').dns, { servers: ['10.0.0.2', '10.0.0.3'] });
  t.deepEqual(search('svc.example.com example.com.').dns, { search: ['svc.example.com', 'example.com.'] });
  t.deepEqual(search('.').dns, { search: ['.'] });
  for (const none of [reading({}), servers(' '), search('')]) t.deepEqual([none.dns, none.unreadable], [{}, []]);
});

for (const [text, problem] of [
  [
    'dns.example.com',
    /^com\.openfaas\.dns\.servers "dns\.example\.com" is no IPv4 address: write 1 to 3 IPv4 addresses/,
  ],
  ['127.0.0.53', /"127\.0\.0\.53" leads a function to itself/],
  ['0.0.0.0', /leads a function to itself/],
  ['fd00::1', /is an IPv6 address, and functions have IPv4 alone/],
  ['1.1.1.1,2.2.2.2,3.3.3.3,4.4.4.4', /names none, or too many/],
  [',', /names none/],
  ['1'.repeat(2000), /is longer than 1024 characters/],
] as const) {
  test(`name servers "${text.slice(0, 20)}" are refused with what is wrong`, (t) => {
    t.regex(servers(text).unreadable[0] ?? '', problem);
    t.deepEqual(servers(text).dns, {});
  });
}

test('what is no domain, or too long for resolv.conf, is refused', (t) => {
  t.regex(search('mple;com').unreadable[0] ?? '', /^com\.openfaas\.dns\.search "mple;com" is no domain: write domains/);
  for (const wrong of ['a..b', `${'a'.repeat(64)}.com`, 'a/b', 'ä.de']) {
    t.throws(() => parseDnsSearch(wrong), { message: /is no domain/ }, wrong);
  }
  const many = Array.from({ length: 30 }, (_, index) => `domain${index}.test`).join(' ');
  t.throws(() => parseDnsSearch(many), { message: /longer than 255/ });
  t.throws(() => parseDnsServers(''), { instanceOf: RangeError });
});
