import test from 'ava';
import { parseNatsAddress } from '../../../../src/gateway/async/nats-address.ts';

const table: [string, ReturnType<typeof parseNatsAddress>][] = [
  ['nats://nats.example', { servers: ['nats.example:4222'], isTls: false }],
  ['nats.example:4000', { servers: ['nats.example:4000'], isTls: false }],
  ['tls://10.0.0.5:443', { servers: ['10.0.0.5:443'], isTls: true }],
  ['nats://[::1]:4222', { servers: ['[::1]:4222'], isTls: false }],
  ['tls://a:1, tls://b:2', { servers: ['a:1', 'b:2'], isTls: true }],
  ['nats://me:p%40ss@a', { servers: ['a:4222'], user: 'me', password: 'p@ss', isTls: false }],
];
for (const [text, address] of table)
  test(`nats_url ${text} is read`, (t) => t.deepEqual(parseNatsAddress(text), address));

for (const text of [
  '',
  'http://a:4222',
  'nats://',
  'nats://a/path',
  'nats://a:4222,',
  'wss://a',
  'nats://me:s3cret@a:x',
])
  test(`nats_url "${text}" is refused, without telling it`, (t) => {
    const error = t.throws(() => parseNatsAddress(text));
    t.regex(error.message, /nats:\/\/HOST:PORT/);
    t.notRegex(error.message, /s3cret/);
  });
