import test from 'ava';
import { RegistryError } from '../../../src/registry/index.ts';
import { patienceMs } from '../../../src/registry/retry-after.ts';
import { recorder } from './recorder.ts';
import { answerJson, answerManifest, client, digestOf, imageAt, manifestBody, serve } from './server.ts';

test('a wait that a registry asks for is told in the log', async (t) => {
  const server = await serve(t, (request, response) => {
    if (server.requests.length === 1) response.writeHead(429, { 'retry-after': '1' }).end();
    else answerManifest(request, response);
  });
  const { log, lines } = recorder();
  t.is((await client(t, { log }).resolve(imageAt(server))).digest, digestOf(manifestBody));
  const [line] = lines.filter((one) => one.includes('asks for patience'));
  t.regex(line ?? '', /seconds[=":]+1/);
});

for (const [status, retryAfter] of [
  [429, '21600'],
  [503, '3600'],
  [429, new Date(Date.now() + 7_200_000).toUTCString()],
] as const) {
  test(`a registry that answers ${status} for longer than anybody waits is not asked again (${retryAfter.length} characters)`, async (t) => {
    const server = await serve(t, (_, response) => response.writeHead(status, { 'retry-after': retryAfter }).end());
    const error = await t.throwsAsync(client(t).resolve(imageAt(server)), { instanceOf: RegistryError });
    t.is(error?.kind, 'unreachable');
    t.regex(error?.message ?? '', /it says to try again in \d{4,5} s/);
    t.true(server.requests.length <= 2);
  });
}

test('a token server that asks for patience is asked again when it says', async (t) => {
  const tokens = await serve(t, (_, response) => {
    if (tokens.requests.length < 3) response.writeHead(429, { 'retry-after': '0' }).end();
    else answerJson(response, 200, { token: 'one' });
  });
  const server = await serve(t, (request, response) => {
    if (request.headers.authorization === 'Bearer one') answerManifest(request, response);
    else answerJson(response, 401, {}, { 'www-authenticate': `Bearer realm="http://${tokens.host}/token"` });
  });
  t.is((await client(t).resolve(imageAt(server))).digest, digestOf(manifestBody));
  t.is(tokens.requests.length, 3);
});

test('a token server that wants to be left alone for long is told, and not asked in another way', async (t) => {
  const tokens = await serve(t, (_, response) => response.writeHead(429, { 'retry-after': '3600' }).end());
  const server = await serve(t, (_, response) => {
    answerJson(response, 401, {}, { 'www-authenticate': `Bearer realm="http://${tokens.host}/token"` });
  });
  const login = { kind: 'password', username: 'tim', password: 'secret' } as const;
  const credentials = { where: 'file', lookup: () => Promise.resolve(login) };
  const error = await t.throwsAsync(client(t, { credentials }).resolve(imageAt(server)), { instanceOf: RegistryError });
  t.regex(error?.message ?? '', /token server .* answered HTTP 429 .* it says to try again in 3600 s/);
  t.is(tokens.requests.length, 1);
});

test('Retry-After is read in each of its forms, and what is none of them is passed over', (t) => {
  const zone = process.env.TZ;
  t.teardown(() => (zone === undefined ? delete process.env.TZ : (process.env.TZ = zone)));
  process.env.TZ = 'America/New_York';
  const wait = (value: string) => patienceMs({ statusCode: 429, headers: { 'retry-after': value } }, 1);
  const at = new Date(Date.now() + 30_000);
  const [day = '', date = '', month = '', year = '', time = ''] = at.toUTCString().split(/,? /);
  const longDay = new Intl.DateTimeFormat('en', { weekday: 'long', timeZone: 'UTC' }).format(at);
  const forms = [
    at.toUTCString(),
    `${longDay}, ${date}-${month}-${year.slice(2)} ${time} GMT`,
    `${day} ${month} ${String(Number(date)).padStart(2)} ${time} ${year}`,
  ];
  for (const form of forms) t.true((wait(form) ?? 0) > 20_000 && (wait(form) ?? 0) <= 30_000, form);
  t.is(wait('5'), 5000);
  for (const other of ['-5', '1.5', '3600, 10', 'soon', '']) t.is(wait(other), 500, other);
});
