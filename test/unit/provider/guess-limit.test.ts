import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { GuessLimit } from '../../../src/provider/guess-limit.ts';
import { namingHandlers, withServer } from './with-server.ts';

test('an address that guesses passwords is told to wait, and nobody else', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'guess-limit-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'basic-auth-user'), 'admin');
  await writeFile(join(folder, 'basic-auth-password'), 'right');
  const config = { enableBasicAuth: true, secretMountPath: folder };
  await withServer(namingHandlers(), { config }, async ({ port }) => {
    const ask = (localAddress: string, password?: string) => {
      const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
      const auth = password === undefined ? {} : { auth: `admin:${password}` };
      get({ host: '127.0.0.1', port, path: '/system/functions', localAddress, agent: false, ...auth }, (res) => {
        res.resume();
        resolve(res);
      }).on('error', reject);
      return promise;
    };
    const guesses: IncomingMessage[] = [];
    // Slow ones are made up for meanwhile.
    while (guesses.length < 21 || (guesses.at(-1)?.statusCode !== 429 && guesses.length < 60))
      guesses.push(await ask('127.0.0.2', `${guesses.length}`));
    for (const { statusCode } of guesses.slice(0, 20)) t.is(statusCode, 401);
    t.regex(guesses.at(-1)?.headers['retry-after'] ?? '', /^[1-3]$/);
    t.is((await ask('127.0.0.2', 'right')).statusCode, 429);
    t.is((await ask('127.0.0.2')).statusCode, 401);
    t.is((await ask('127.0.0.3', 'right')).statusCode, 200);
    t.is((await ask('127.0.0.3', 'wrong')).statusCode, 401);
  });
});

test('addresses of one IPv6 network count as one, and what is remembered is bounded', (t) => {
  const limit = new GuessLimit();
  for (let guess = 0; guess < 20; guess++) limit.guessed(`2001:db8:0:1::${guess}`);
  t.true(limit.waitMs('2001:db8:0:1:a:b:c:d') > 0);
  t.is(limit.waitMs('2001:db8:0:2::1'), 0);
  for (let caller = 0; caller < 1000; caller++) limit.guessed(`10.0.${caller >> 8}.${caller & 255}`);
  t.is(limit.waitMs('2001:db8:0:1::1'), 0);
});
