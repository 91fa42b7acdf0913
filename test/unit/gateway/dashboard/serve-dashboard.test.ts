import { stripTypeScriptTypes } from 'node:module';
import { stat, writeFile } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { get } from 'node:https';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { TrustedProxies } from '../../../../src/provider/index.ts';
import { freePort } from '../../../helpers/free-port.ts';
import { makeKeyPair } from '../../../helpers/key-pair.ts';
import { until } from '../../../helpers/poll.ts';
import { password, startDashboard, user } from './with-dashboard.ts';

const header = 'X-Berth-Session';

function sent(body: unknown, headers: Record<string, string> = {}): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
}

test('the page is had without a password, with a policy that lets in nothing of others', async (t) => {
  const { page } = await startDashboard(t);
  const reply = await fetch(`${page}/`);
  t.is(reply.url, `${page}/ui/`);
  t.regex(await reply.text(), /<script type="module" src="start.js">/);
  t.regex(reply.headers.get('content-security-policy') ?? '', /^default-src 'self';.*frame-ancestors 'none'/);
  t.is(reply.headers.get('x-content-type-options'), 'nosniff');
  const again = await fetch(`${page}/ui/`, {
    headers: { 'if-none-match': reply.headers.get('etag') ?? '', 'cache-control': 'max-age=0' },
  });
  t.is(again.status, 304);
});

test('every file that the page loads is there, as JavaScript, and all are 100 KB at most on their way', async (t) => {
  const { page } = await startDashboard(t);
  const todo = ['', 'start.js', 'style.css', 'icon.svg'];
  const sizes = new Map<string, number>();
  for (const name of todo) {
    if (sizes.has(name)) continue;
    const reply = await fetch(`${page}/ui/${name}`);
    t.is(reply.status, 200, name);
    const body = await reply.text();
    t.is(reply.headers.get('content-encoding'), 'gzip', name);
    sizes.set(name, Number(reply.headers.get('content-length')));
    for (const [, path = ''] of body.matchAll(/\b(?:from |import\()'(\.[^']*)'/g))
      todo.push(new URL(path, `${page}/ui/${name}`).pathname.slice('/ui/'.length));
    if (name !== 'preact.js') t.notRegex(body, /^(\/[/*]|[ \t])|[ \t]$/m, name);
    if (name.endsWith('.js')) t.notThrows(() => stripTypeScriptTypes(body), name);
    if (name.endsWith('.js')) t.regex(reply.headers.get('content-type') ?? '', /^text\/javascript/);
  }
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  t.log(`${sizes.size} files, ${total} bytes`);
  t.true(sizes.has('preact.js'));
  t.true(total <= 100_000, `${total} bytes`);
});

test('who does not take gzip gets the files as they are', async (t) => {
  const { page } = await startDashboard(t);
  const reply = await fetch(`${page}/ui/page.js`, { headers: { 'accept-encoding': 'identity' } });
  t.is(reply.headers.get('content-encoding'), null);
  t.is(Number(reply.headers.get('content-length')), Buffer.byteLength(await reply.text()));
});

test('nothing else is had by any path', async (t) => {
  const { page, dashboard } = await startDashboard(t);
  for (const path of [
    '/ui/../package.json',
    '/ui/%2e%2e/assets.ts',
    '/ui/page.ts',
    '/ui/..%2fassets.js',
    '/ui//etc/passwd',
    '/ui/constructor',
  ]) {
    const req = request({ host: '127.0.0.1', port: dashboard.port, path }).end();
    const [res] = (await once(req, 'response')) as [IncomingMessage];
    t.true([401, 404].includes(res.statusCode ?? 0), `${path}: ${res.statusCode}`);
    res.resume();
  }
  t.is((await fetch(page)).status, 200);
});

test('a session begins with the password, lets in to the API and to functions, and ends with the log out', async (t) => {
  const { page, logIn, provider } = await startDashboard(t);
  provider.add('hello', 1);
  for (const wrong of [
    { user, password: 'x' },
    { user: 'x', password },
  ])
    t.is((await fetch(`${page}/ui/session`, sent(wrong))).status, 401);
  for (const wrong of [{}, { user, password: 1 }, 'x'])
    t.is((await fetch(`${page}/ui/session`, sent(wrong))).status, 400);
  t.is((await fetch(`${page}/system/functions`)).status, 401);
  t.is((await fetch(`${page}/function/hello`)).status, 401);
  const headers = { [header]: await logIn() };
  t.is((await fetch(`${page}/system/functions`, { headers })).status, 200);
  t.is(await (await fetch(`${page}/function/hello`, { headers })).text(), 'hello');
  t.is((await fetch(`${page}/ui/session`, { method: 'DELETE', headers })).status, 204);
  t.is((await fetch(`${page}/system/functions`, { headers })).status, 401);
});

test('basic auth lets in nobody there, and no challenge is made', async (t) => {
  const { page } = await startDashboard(t);
  const authorization = `Basic ${btoa(`${user}:${password}`)}`;
  const reply = await fetch(`${page}/system/functions`, { headers: { authorization } });
  t.deepEqual([reply.status, reply.headers.get('www-authenticate')], [401, null]);
});

test('a session outlives a restart, and ends with the password that it began with', async (t) => {
  const { page, folder, logIn, restart } = await startDashboard(t);
  const headers = { [header]: await logIn() };
  await restart();
  t.is((await fetch(`${page}/system/functions`, { headers })).status, 200);
  t.is((await stat(join(folder, 'sessions.json'))).mode & 0o777, 0o600);
  await writeFile(join(folder, 'auth/basic-auth-password'), 'another');
  await restart();
  t.is((await fetch(`${page}/system/functions`, { headers })).status, 401);
});

test('a session that was logged out stays so over a restart, however its token is spelled', async (t) => {
  const { page, logIn, restart } = await startDashboard(t);
  const [token, other] = [await logIn(), await logIn()];
  t.is((await fetch(`${page}/ui/session`, { method: 'DELETE', headers: { [header]: token } })).status, 204);
  await restart();
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  for (const last of letters) {
    const spelled = token.slice(0, -1) + last;
    t.is((await fetch(`${page}/system/functions`, { headers: { [header]: spelled } })).status, 401, spelled);
  }
  t.is((await fetch(`${page}/system/functions`, { headers: { [header]: other } })).status, 200);
});

for (const damaged of ['', '{', '{"key":"c2hvcnQ=","loggedOut":{}}', '[]']) {
  test(`sessions begin anew where their file has ${JSON.stringify(damaged)}`, async (t) => {
    const { page, folder, logIn, restart } = await startDashboard(t);
    const token = await logIn();
    await writeFile(join(folder, 'sessions.json'), damaged);
    await restart();
    t.is((await fetch(`${page}/system/functions`, { headers: { [header]: token } })).status, 401);
    t.is((await fetch(`${page}/system/functions`, { headers: { [header]: await logIn() } })).status, 200);
  });
}

test('nobody is asked for a password where the API asks for none', async (t) => {
  const { page } = await startDashboard(t, { config: { enableBasicAuth: false } });
  t.deepEqual(await (await fetch(`${page}/ui/session`)).json(), { asksPassword: false });
  t.is((await fetch(`${page}/ui/session`, sent({ user: '', password: '' }))).status, 200);
  t.is((await fetch(`${page}/system/functions`)).status, 200);
  t.is((await fetch(`${page}/system/functions`, { headers: { origin: 'http://evil.example' } })).status, 403);
});

test('a token that was changed in any part is none', async (t) => {
  const { page, logIn } = await startDashboard(t);
  const token = await logIn();
  const [until = '', nonce = '', signature = ''] = token.split('.');
  const others = [
    `${Number(until) + 1000}.${nonce}.${signature}`,
    `${until}.${nonce}x.${signature}`,
    `${until}.${nonce}.${signature.slice(1)}`,
    `${until}.${nonce}.`,
    `${until}.${nonce}`,
    '',
    '9'.repeat(400),
  ];
  for (const other of others)
    t.is((await fetch(`${page}/system/functions`, { headers: { [header]: other } })).status, 401, other);
});

test('many wrong passwords are told to wait, the right one then as well', async (t) => {
  const { page } = await startDashboard(t);
  const statuses: number[] = [];
  // Slow ones are made up for meanwhile.
  while (statuses.length < 21 || (statuses.at(-1) !== 429 && statuses.length < 60))
    statuses.push((await fetch(`${page}/ui/session`, sent({ user, password: 'guess' }))).status);
  t.is(statuses[0], 401);
  t.is(statuses.at(-1), 429);
  t.is((await fetch(`${page}/ui/session`, sent({ user, password }))).status, 429);
});

test('a page of another origin is refused, with a session as without', async (t) => {
  const { page, logIn } = await startDashboard(t);
  const token = await logIn();
  const others: Record<string, string>[] = [
    { origin: 'http://127.0.0.1:8080' },
    { origin: 'null' },
    { 'sec-fetch-site': 'same-site' },
  ];
  for (const headers of others) {
    const given = { ...headers, [header]: token };
    t.is((await fetch(`${page}/system/functions`, { headers: given })).status, 403);
    t.is((await fetch(`${page}/function/hello`, { headers: given })).status, 403);
    t.is((await fetch(`${page}/ui/session`, sent({ user, password }, headers))).status, 403);
  }
  t.is((await fetch(`${page}/system/functions`, { headers: { [header]: token, origin: page } })).status, 200);
});

test('no function is told of the session', async (t) => {
  const { page, logIn, provider } = await startDashboard(t, {
    listener: (req, res) => void req.resume().on('end', () => res.end(JSON.stringify(req.rawHeaders))),
  });
  provider.add('hello', 1);
  const token = await logIn();
  const told = await (await fetch(`${page}/function/hello`, { headers: { [header]: token, 'x-mine': 'yes' } })).text();
  t.regex(told, /x-mine/);
  t.notRegex(told, /berth-session/i);
  t.false(told.includes(token));
});

test('what a function answers is data alone on the origin of the page', async (t) => {
  const harmful = {
    'content-type': 'text/html',
    'www-authenticate': 'Basic realm="berth"',
    'clear-site-data': '"*"',
    'set-cookie': 'a=b',
    'cache-control': 'max-age=1000',
    'content-security-policy': "default-src 'self'",
    'x-own': 'stays',
  };
  const { page, logIn, provider } = await startDashboard(t, {
    listener: (req, res) => void req.resume().on('end', () => res.writeHead(401, harmful).end('<script>1</script>')),
  });
  provider.add('hello', 1);
  const reply = await fetch(`${page}/function/hello`, { headers: { [header]: await logIn() } });
  t.deepEqual([reply.status, await reply.text()], [401, '<script>1</script>']);
  const told = Object.fromEntries(reply.headers);
  t.like(told, { 'cache-control': 'no-store', 'content-security-policy': 'sandbox', 'x-own': 'stays' });
  for (const name of ['www-authenticate', 'clear-site-data', 'set-cookie']) t.false(name in told, name);
});

test('a redirect is told of, and not followed', async (t) => {
  const redirect = { location: 'https://elsewhere.example/', 'x-berth-status': '999' };
  const { page, logIn, provider } = await startDashboard(t, {
    listener: (req, res) => void req.resume().on('end', () => res.writeHead(307, redirect).end('moved')),
  });
  provider.add('hello', 1);
  const reply = await fetch(`${page}/function/hello`, { headers: { [header]: await logIn() } });
  t.deepEqual([reply.status, await reply.text()], [200, 'moved']);
  t.like(Object.fromEntries(reply.headers), { 'x-berth-status': '307', location: 'https://elsewhere.example/' });
});

test('behind a proxy that is trusted the page is where the browser finds it', async (t) => {
  const { page, logIn, url } = await startDashboard(t, { config: { trustedProxies: new TrustedProxies('127.0.0.1') } });
  const forwarded = { 'x-forwarded-host': 'berth.example', 'x-forwarded-proto': 'https' };
  const headers = { ...forwarded, [header]: await logIn() };
  const asking = (origin: string) => fetch(`${page}/system/functions`, { headers: { ...headers, origin } });
  t.is((await asking('https://berth.example')).status, 200);
  t.is((await asking('https://evil.example')).status, 403);
  const led = await fetch(`${url}/`, { redirect: 'manual', headers: { ...forwarded, accept: 'text/html' } });
  t.is(led.headers.get('location'), `https://berth.example:${new URL(page).port}/ui/`);
});

test('whoever opens the address of the API in a browser is led to the page', async (t) => {
  const { url, page } = await startDashboard(t);
  const asked = { redirect: 'manual', headers: { accept: 'text/html,*/*;q=0.8' } } as const;
  for (const path of ['/', '/ui/', '/ui']) {
    const reply = await fetch(url + path, asked);
    t.deepEqual([reply.status, reply.headers.get('location')], [302, `${page}/ui/`]);
  }
  const plain = await fetch(`${url}/`);
  t.is(plain.status, 200);
  t.true((await plain.text()).includes(`${page}/ui/`));
});

test('a port that is taken is told, and had once it is free', async (t) => {
  const port = await freePort();
  const holder = createServer().listen(port, '127.0.0.1');
  await once(holder, 'listening');
  const { dashboard, logIn } = await startDashboard(t, { port });
  t.regex(
    dashboard.parts[0]?.problem ?? '',
    /^cannot listen for the dashboard on port \d+: free the port, or choose another by ui_port/,
  );
  holder.close();
  await until(() => dashboard.parts[0]?.healthy ?? false);
  t.truthy(await logIn());
});

test('the next one has the port at once, while a call that was made before is answered', async (t) => {
  const called = Promise.withResolvers<void>();
  const answering = Promise.withResolvers<void>();
  const { page, logIn, provider, upgrade } = await startDashboard(t, {
    listener(_req, res) {
      called.resolve();
      void answering.promise.then(() => res.end('whole'));
    },
  });
  provider.add('hello', 1);
  const headers = { [header]: await logIn() };
  const call = fetch(`${page}/function/hello`, { headers });
  await called.promise;
  const next = await upgrade();
  t.deepEqual(next.parts, [{ name: 'dashboard', healthy: true }]);
  t.is((await fetch(`${page}/system/functions`, { headers })).status, 200);
  answering.resolve();
  t.is(await (await call).text(), 'whole');
});

test('with a certificate the page is served by HTTPS', async (t) => {
  const { cert, files } = await makeKeyPair();
  const { page } = await startDashboard(t, { config: { tlsCert: files.cert, tlsKey: files.key } });
  const req = get(`${page.replace('http:', 'https:')}/ui/`, { ca: cert, servername: 'berth.test', agent: false });
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  t.is(res.statusCode, 200);
  t.regex(await text(res), /<title>berth/);
});
