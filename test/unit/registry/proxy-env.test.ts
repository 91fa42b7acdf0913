import test from 'ava';
import { proxyFor } from '../../../src/registry/proxy-env.ts';

const env = { HTTP_PROXY: 'http://plain:1', HTTPS_PROXY: 'tls:2' };

test('the scheme chooses the proxy, in either case of the variables', (t) => {
  t.is(proxyFor(new URL('http://r.io'), env), 'http://plain:1');
  t.is(proxyFor(new URL('https://r.io'), env), 'http://tls:2');
  t.is(proxyFor(new URL('https://r.io'), { https_proxy: 'http://lower:3' }), 'http://lower:3');
  t.is(proxyFor(new URL('https://r.io'), {}), undefined);
});

test('this host is never asked through a proxy', (t) => {
  for (const url of ['http://localhost:5000', 'http://127.0.0.1:5000', 'http://[::1]:5000']) {
    t.is(proxyFor(new URL(url), env), undefined, url);
  }
});

const exceptions: [string, string, boolean][] = [
  ['*', 'https://r.io', true],
  ['r.io', 'https://r.io', true],
  ['r.io', 'https://sub.r.io', true],
  ['r.io', 'https://notr.io', false],
  ['.r.io', 'https://sub.r.io', true],
  ['.r.io', 'https://r.io', false],
  ['*.r.io', 'https://sub.r.io', true],
  ['a.io, R.io ,b.io', 'https://r.io', true],
  ['r.io:5000', 'https://r.io:5000', true],
  ['r.io:5000', 'https://r.io', false],
  ['r.io:443', 'https://r.io', true],
  ['10.0.0.0/8', 'http://10.1.2.3:5000', true],
  ['10.0.0.0/8', 'http://11.1.2.3', false],
  ['10.1.2.3', 'http://10.1.2.3', true],
  ['10.1.2.3:5000', 'http://10.1.2.3', false],
  ['fd00::/8', 'http://[fd00::1]', true],
  ['10.0.0.0/99', 'http://10.1.2.3', false],
  ['', 'https://r.io', false],
];

for (const [noProxy, url, direct] of exceptions) {
  test(`NO_PROXY=${noProxy} ${direct ? 'covers' : 'does not cover'} ${url}`, (t) => {
    t.is(proxyFor(new URL(url), { ...env, NO_PROXY: noProxy }) === undefined, direct);
  });
}
