import test from 'ava';
import {
  checkNetworkAllow,
  formatNetworkTarget,
  networkAllowOf,
  parseNetworkTargets,
  type FunctionDeployment,
} from '../../../../src/provider/index.ts';

const asking = (allow?: string): FunctionDeployment => ({
  name: 'fn',
  namespace: 'openfaas-fn',
  image: 'fn',
  ...(allow !== undefined && { annotations: { 'com.openfaas.network.allow': allow } }),
});

test('a function may ask for other functions, ports of the host, addresses and networks', (t) => {
  t.deepEqual(networkAllowOf(asking(' functions, host:5432,10.1.2.3:6379\n172.17.5.0/16 ,192.168.0.0/24:80 ')), [
    { kind: 'functions' },
    { kind: 'host', port: 5432 },
    { kind: 'network', cidr: '10.1.2.3/32', port: 6379 },
    { kind: 'network', cidr: '172.17.0.0/16' },
    { kind: 'network', cidr: '192.168.0.0/24', port: 80 },
  ]);
  t.deepEqual(networkAllowOf(asking()), []);
  t.deepEqual(networkAllowOf(asking(' , ')), []);
  t.deepEqual(networkAllowOf(asking('host:80,host:80')), [{ kind: 'host', port: 80 }]);
});

const wrong: [allow: string, message: RegExp][] = [
  ['host', /^annotation com\.openfaas\.network\.allow: "host" names no port: write one, such as host:5432$/],
  ['host:', /"host:" names no port: one is from 1 to 65535/],
  ['host:0', /"host:0" names no port/],
  ['host:65536', /"host:65536" names no port/],
  ['host:pg', /"host:pg" names no port/],
  ['db.example.com:5432', /"db\.example\.com:5432" cannot be read: write functions, host:PORT, an IPv4 address/],
  ['Functions', /"Functions" cannot be read/],
  ['10.0.0.0/33', /"10\.0\.0\.0\/33" is no network: its length is from \/0 to \/32/],
  ['10.0.0.0/', /is no network/],
  ['10.0.0/8', /cannot be read/],
  ['10.0.0.0/8/8', /cannot be read/],
  ['10.0.0.0:80:80', /cannot be read/],
  ['10.0.0.0/8:99999', /names no port/],
  ['fd00::/8', /is an IPv6 address, and functions have IPv4 alone/],
  ['[::1]:80', /is an IPv6 address/],
  ['127.0.0.1:5432', /"127\.0\.0\.1:5432" leads a function to itself: write host:PORT for what listens on this host/],
  ['127.0.0.0/8', /leads a function to itself/],
  ['0.0.0.0:80', /leads a function to itself/],
  ['localhost:5432', /"localhost:5432" leads a function to itself: write host:PORT/],
  ['x'.repeat(5000), /longer than 4096 characters/],
  [Array.from({ length: 101 }, (_, index) => `host:${index + 1}`).join(), /more than 100 entries/],
];

for (const [allow, message] of wrong) {
  test(`"${allow.slice(0, 20)}" is refused with what is wrong`, (t) => {
    t.throws(() => networkAllowOf(asking(allow)), { name: 'BadRequestError', message });
  });
}

test('what a host gives at most is named in the refusal, with its setting', (t) => {
  const most = parseNetworkTargets('functions host:5432 10.0.0.0/8 192.168.0.0/16:443');
  const ask = (allow: string) => () => checkNetworkAllow(asking(allow), most);
  t.notThrows(ask('functions,host:5432,10.1.0.0/16,10.0.0.0/8:80,192.168.1.1:443'));
  t.throws(ask('functions,host:22'), {
    message:
      'annotation com.openfaas.network.allow: host:22 is more than the setting network_allow_max of this host gives (functions, host:5432, 10.0.0.0/8, 192.168.0.0/16:443): leave it out, or have the setting changed',
  });
  for (const beyond of ['0.0.0.0/0', '10.0.0.0/7', '192.168.1.1', '192.168.1.1:80', '11.0.0.1']) {
    t.throws(ask(beyond), { message: /network_allow_max/ }, beyond);
  }
});

test('without a bound anything may be asked for, with an empty one nothing, with "host" any port of it', (t) => {
  t.notThrows(() => checkNetworkAllow(asking('functions,host:1,0.0.0.0/0'), undefined));
  for (const any of ['functions', 'host:1', '0.0.0.0/0']) {
    t.throws(() => checkNetworkAllow(asking(any), []), { message: /gives \(none\)/ });
  }
  t.notThrows(() => checkNetworkAllow(asking(), []));
  t.notThrows(() => checkNetworkAllow(asking('host:1,host:65535'), parseNetworkTargets('host')));
  t.notThrows(() => checkNetworkAllow(asking('1.2.3.4:5,0.0.0.0/0'), parseNetworkTargets('0.0.0.0/0')));
});

test('a target is written as it was read', (t) => {
  const list = 'functions, host, host:1, 10.0.0.0/8, 10.0.0.1, 10.0.0.1:53';
  t.is(parseNetworkTargets(list).map(formatNetworkTarget).join(', '), list);
});
