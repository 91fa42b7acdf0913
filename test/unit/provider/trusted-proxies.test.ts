import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import ava from 'ava';
import { readDaemonConfig } from '../../../src/daemon/index.ts';
import { ConfigError, readConfig, TrustedProxies } from '../../../src/index.ts';

import { test } from './proxy/each-road.ts';
import { call, startFront, startFunction } from './proxy/world.ts';
import { namingHandlers, withServer } from './with-server.ts';

const request = (remoteAddress: string, headers: Record<string, string | undefined>) =>
  ({ headers, socket: { remoteAddress } }) as unknown as IncomingMessage;

const trusted = '10.0.0.0/8, 192.168.1.2,::1 fd00::/8';
const from: [said: string | undefined, socket: string, address: string, passed: string][] = [
  [undefined, '10.0.0.1', '10.0.0.1', ''],
  ['198.51.100.7', '10.0.0.1', '198.51.100.7', '198.51.100.7'],
  ['198.51.100.7', '::ffff:10.0.0.1', '198.51.100.7', '198.51.100.7'],
  ['::ffff:198.51.100.7', 'fd00::1', '198.51.100.7', '198.51.100.7'],
  ['6.6.6.6, 198.51.100.7', '10.0.0.1', '198.51.100.7', '198.51.100.7'],
  ['6.6.6.6, 10.6.6.6, 198.51.100.7, 192.168.1.2', '10.0.0.1', '198.51.100.7', '198.51.100.7, 192.168.1.2'],
  ['10.0.0.3, 10.0.0.2', '10.0.0.1', '10.0.0.3', '10.0.0.3, 10.0.0.2'],
  ['198.51.100.7:4711', '10.0.0.1', '198.51.100.7', '198.51.100.7'],
  ['[2001:db8::7]:4711', '10.0.0.1', '2001:db8::7', '2001:db8::7'],
  ['2001:db8::7', '::1', '2001:db8::7', '2001:db8::7'],
  ['198.51.100.7, unknown', '10.0.0.1', '10.0.0.1', ''],
  ['198.51.100.7, unknown, 10.0.0.2', '10.0.0.1', '10.0.0.2', '10.0.0.2'],
  ['198.51.100.7,', '10.0.0.1', '10.0.0.1', ''],
  [', ,', '10.0.0.1', '10.0.0.1', ''],
  ['<script>, 1.2.3, 999.1.1.1, fe80::1%eth0', '10.0.0.1', '10.0.0.1', ''],
  ['198.51.100.7', '192.168.1.3', '192.168.1.3', ''],
  ['10.0.0.9', '203.0.113.9', '203.0.113.9', ''],
  ['127.0.0.1', '', '', ''],
];
for (const [said, socket, address, passed] of from) {
  ava(`"${said}" from ${socket || 'nowhere'} is a call of ${address || 'nobody known'}`, (t) => {
    const seen = new TrustedProxies(trusted).forwarded(request(socket, { 'x-forwarded-for': said }));
    t.is(seen.address, address);
    t.is(seen.for, passed);
  });
}

ava('a list of any length is read from its end, and not far', (t) => {
  const many = `198.51.100.7${', 10.0.0.2'.repeat(20_000)}`;
  const seen = new TrustedProxies(trusted).forwarded(request('10.0.0.1', { 'x-forwarded-for': many }));
  t.is(seen.address, '10.0.0.2');
});

ava('the setting takes addresses and networks of both kinds, all of them, or none', (t) => {
  const all = new TrustedProxies('0.0.0.0/0, ::/0');
  for (const address of ['1.2.3.4', '240.0.0.1', '2001:db8::1', 'ff02::1']) t.true(all.has(address), address);
  for (const list of ['none', ' none ', '']) t.false(new TrustedProxies(list).has('127.0.0.1'), list);
  t.true(new TrustedProxies('::ffff:10.0.0.1').has('10.0.0.1'));
  for (const wrong of [
    'caddy',
    '10.0.0.0/33',
    'fd00::/129',
    '10.0.0/8',
    '10.0.0.0/8/8',
    '10.0.0.1/x',
    '::1/-1',
    '1.2.3.4/',
  ]) {
    const error = t.throws(() => readConfig({ trusted_proxies: wrong }), { instanceOf: ConfigError });
    t.regex(error.message, /^trusted_proxies: ".*" cannot be read, write addresses and networks such as/);
  }
});

ava('berth believes proxies of its own host, and as a provider its gateway', (t) => {
  const gateway = readDaemonConfig({}).trustedProxies;
  t.true(gateway?.has('127.0.0.1') && gateway.has('::1'));
  t.false(gateway?.has('192.168.1.2'));
  t.is(readDaemonConfig({ mode: 'provider' }).trustedProxies, undefined);
  t.true(readDaemonConfig({ mode: 'provider', trusted_proxies: '10.0.0.1' }).trustedProxies?.has('10.0.0.1'));
  t.false(readDaemonConfig({ trusted_proxies: 'none' }).trustedProxies?.has('127.0.0.1'));
});

const lies = {
  'X-Forwarded-For': '6.6.6.6, 198.51.100.7',
  'X-Forwarded-Host': 'faas.example.com',
  'X-Forwarded-Proto': 'https',
  'X-Forwarded-Port': '443',
  'X-Forwarded-Prefix': '/faas',
  'X-Real-IP': '198.51.100.7',
  Forwarded: 'for=198.51.100.7;proto=https',
};

test('functions are told what a trusted proxy says, and nothing that was said to it', async (t) => {
  const { port: upstream } = await startFunction(t, (req, res) => res.end(JSON.stringify(req.headers)));
  const { port } = await startFront(t, upstream, { trustedProxies: new TrustedProxies('127.0.0.1') });
  t.like(JSON.parse((await call(port, { headers: lies })).body), {
    'x-forwarded-for': '198.51.100.7, 127.0.0.1',
    'x-forwarded-host': 'faas.example.com',
    'x-forwarded-proto': 'https',
    'x-forwarded-port': '443',
    'x-forwarded-prefix': '/faas',
    'x-real-ip': '198.51.100.7',
    forwarded: 'for=198.51.100.7;proto=https',
  });
});

test('what anybody else says of where a call comes from does not reach functions', async (t) => {
  const { port: upstream } = await startFunction(t, (req, res) => res.end(JSON.stringify(req.headers)));
  const { port } = await startFront(t, upstream, { trustedProxies: new TrustedProxies('none') });
  const each = Object.entries(lies).map(([name, value]) => ({ [name]: value }));
  for (const headers of [lies, ...each, { 'x-forwarded-for': ['6.6.6.6', '7.7.7.7'] }]) {
    const seen = JSON.parse((await call(port, { headers: { ...headers, Host: 'real' } })).body) as object;
    t.like(seen, { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': 'real', 'x-forwarded-proto': 'http' });
    for (const name of ['forwarded', 'x-real-ip', 'x-forwarded-port', 'x-forwarded-prefix'])
      t.false(name in seen, name);
  }
});

test('of a WebSocket as well', async (t) => {
  const { port: upstream, server } = await startFunction(t, () => {});
  server.on('upgrade', (req, socket) =>
    socket.end(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n${JSON.stringify(req.headers)}`,
    ),
  );
  const { port } = await startFront(t, upstream, { trustedProxies: new TrustedProxies('none') });
  const socket = connect(port, '127.0.0.1');
  const said = Object.entries(lies).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `GET /function/env HTTP/1.1\r\nHost: real\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${said.join('')}\r\n`;
  socket.write(head);
  const [, seen = ''] = (await text(socket)).split('\r\n\r\n');
  t.regex(seen, /"x-forwarded-for":"127\.0\.0\.1"/);
  t.notRegex(seen, /6\.6\.6\.6|198\.51|example\.com|https/);
});

ava('each caller behind a trusted proxy has its own wrong passwords, and none by its own word', async (t) => {
  const secretMountPath = await mkdtemp(path.join(tmpdir(), 'berth-auth-'));
  t.teardown(() => rm(secretMountPath, { recursive: true }));
  for (const name of ['user', 'password']) await writeFile(path.join(secretMountPath, `basic-auth-${name}`), name);
  const auth = (password: string) => `Basic ${Buffer.from(`user:${password}`).toString('base64')}`;
  const config = { enableBasicAuth: true, secretMountPath };
  const trustedProxies = new TrustedProxies('127.0.0.1');
  await withServer(namingHandlers(), { config: { ...config, trustedProxies } }, async ({ send }) => {
    const ask = async (caller: string, password: string) => {
      const headers = { Authorization: auth(password), 'X-Forwarded-For': caller };
      return (await send('GET', '/system/info', undefined, headers)).status;
    };
    // What the guesser writes is before what the proxy writes of it.
    for (let n = 0; n < 21; n++) await ask(`6.6.6.${n}, 198.51.100.7`, 'wrong');
    t.is(await ask('198.51.100.7', 'password'), 429);
    t.is(await ask('198.51.100.8', 'password'), 200);
  });
  await withServer(namingHandlers(), { config }, async ({ send }) => {
    const ask = async (caller: string, password: string) => {
      const headers = { Authorization: auth(password), 'X-Forwarded-For': caller };
      return (await send('GET', '/system/info', undefined, headers)).status;
    };
    for (let n = 0; n < 21; n++) await ask(`6.6.6.${n}`, 'wrong');
    t.is(await ask('198.51.100.8', 'password'), 429, 'nobody is trusted');
  });
});
