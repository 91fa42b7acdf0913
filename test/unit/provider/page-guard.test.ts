/** Which requests of browsers reach what asks for the password. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { readConfig } from '../../../src/index.ts';
import { namingHandlers, withServer } from './with-server.ts';

const dashboard = 'https://ui.example.com';
const config = { uiOrigins: readConfig({ ui_origin: `http://127.0.0.1:8088 , ${dashboard}/` }).uiOrigins };

const requests: [told: Record<string, string>, status: number, what: string][] = [
  [{}, 200, 'no browser'],
  [{ 'Sec-Fetch-Site': 'none' }, 200, 'an address that a person has typed'],
  [{ 'Sec-Fetch-Site': 'same-origin' }, 403, "a function's page, which has our origin"],
  [{ 'Sec-Fetch-Site': 'same-site' }, 403, 'a page of another port'],
  [{ 'Sec-Fetch-Site': 'cross-site', Origin: 'https://example.com' }, 403, 'a page of another host'],
  [{ 'Sec-Fetch-Site': 'cross-site', Origin: 'null' }, 403, 'a page in a sandbox'],
  [{ 'Sec-Fetch-Site': 'none, none' }, 403, 'no browser, and no word that we know'],
  [{ Origin: 'http://192.0.2.1:8080' }, 403, 'a page over plain HTTP, where browsers say no more'],
  [{ 'Sec-Fetch-Site': 'cross-site', Origin: dashboard }, 200, 'a page of ui_origin'],
  [{ 'Sec-Fetch-Site': 'same-site', Origin: 'http://127.0.0.1:8088' }, 200, 'another one'],
  [{ 'Sec-Fetch-Site': 'cross-site', Origin: `${dashboard}.evil.example` }, 403, 'one that begins alike'],
];

for (const [headers, status, what] of requests) {
  test(`${what} is answered ${status}`, async (t) => {
    await withServer(namingHandlers(), { config }, async ({ send }) => {
      const paths = ['/system/functions', '/system/secrets', '/system/info', '/metrics'];
      for (const path of paths) t.is((await send('GET', path, '', headers)).status, status, path);
      t.is((await send('POST', '/system/functions', { service: 'env' }, headers)).status, status);
      t.is((await send('GET', '/system/unknown', '', headers)).status, status === 200 ? 404 : status);
      for (const path of ['/function/env', '/healthz']) t.is((await send('GET', path, '', headers)).status, 200, path);
    });
  });
}

test('the refusal says what to do, before anybody is asked for a password', async (t) => {
  await withServer(namingHandlers(), {}, async ({ send }) => {
    const { body, headers } = await send('GET', '/system/functions', '', { 'Sec-Fetch-Site': 'same-origin' });
    t.regex(body, /^no web page may [^\n]*ui_origin\n$/);
    t.is(headers['www-authenticate'], undefined);
  });
});

test('a browser is asked for the password below /system/ alone', async (t) => {
  const secretMountPath = await mkdtemp(join(tmpdir(), 'page-guard-'));
  for (const file of ['user', 'password']) await writeFile(join(secretMountPath, `basic-auth-${file}`), 'x');
  await withServer(namingHandlers(), { config: { enableBasicAuth: true, secretMountPath } }, async ({ send }) => {
    const asked = async (path: string, agent: string) => {
      const { status, headers } = await send('GET', path, '', { 'User-Agent': agent });
      return `${status} ${String(headers['www-authenticate'] ?? 'unasked')}`;
    };
    const browser = 'Mozilla/5.0 (X11; Linux x86_64)';
    t.is(await asked('/system/functions', browser), '401 Basic realm="Restricted"');
    for (const path of ['/metrics', '/favicon.ico', '/system']) t.is(await asked(path, browser), '401 unasked', path);
    t.is(await asked('/metrics', 'curl/8'), '401 Basic realm="Restricted"');
  });
});

test('a page of ui_origin can read what it is answered, errors included, and is told so before it asks', async (t) => {
  await withServer(namingHandlers(), { config }, async ({ send }) => {
    const asks = { Origin: dashboard, 'Sec-Fetch-Site': 'cross-site' };
    for (const path of ['/system/functions', '/system/unknown']) {
      t.like((await send('GET', path, '', asks)).headers, {
        'access-control-allow-origin': dashboard,
        'access-control-allow-credentials': 'true',
        vary: 'Origin',
      });
    }
    const preflight = { ...asks, 'Access-Control-Request-Method': 'DELETE' };
    const { status, headers } = await send('OPTIONS', '/system/functions', '', preflight);
    t.is(status, 204);
    t.regex(String(headers['access-control-allow-methods']), /DELETE/);
    t.regex(String(headers['access-control-allow-headers']), /Authorization/);
    t.is((await send('OPTIONS', '/system/functions', '', { ...preflight, Origin: 'https://example.com' })).status, 403);
  });
});

test('where origins are named, caches are told of every answer that it depends on them', async (t) => {
  await withServer(namingHandlers(), { config }, async ({ send }) => {
    for (const Origin of ['', 'https://example.com'])
      t.is((await send('GET', '/system/functions', '', Origin ? { Origin } : {})).headers['vary'], 'Origin');
  });
  await withServer(namingHandlers(), {}, async ({ send }) => {
    t.is((await send('GET', '/system/functions', '', {})).headers['vary'], undefined);
  });
});

for (const text of ['*', 'null', 'ui.example.com', 'https://ui.example.com/page', 'https://a.example,']) {
  test(`ui_origin=${text} is no origin`, (t) => {
    t.throws(() => readConfig({ ui_origin: text }), {
      message: /^ui_origin: .* cannot be read, write origins such as /,
    });
  });
}
