import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { type RegistryCredentials, type Descriptor, RegistryError } from '../../../src/registry/index.ts';
import { recorder } from './recorder.ts';
import { answerJson, answerManifest, client, digestOf, imageAt, manifestBody, manifestType, serve } from './server.ts';

const manifest: Descriptor = { mediaType: manifestType, digest: digestOf(manifestBody), size: manifestBody.length };
const tim = { kind: 'password', username: 'tim', password: 'pass:word' } as const;
const basicOfTim = `Basic ${Buffer.from('tim:pass:word').toString('base64')}`;

function storeOf(credentials?: RegistryCredentials) {
  return { where: '/etc/config.json', lookup: () => Promise.resolve(credentials) };
}

interface TokenRequest {
  method?: string;
  query: URLSearchParams;
  form: URLSearchParams;
  authorization?: string;
}

interface TokenAnswer {
  status: number;
  /** Sent as JSON, or as it is where it is a text. */
  answer: object | string;
}

/** A registry that takes the bearer tokens `token-1`, `token-2`… that its token server gives out. */
async function bearerRegistry(t: ExecutionContext, give: (asked: TokenRequest) => TokenAnswer) {
  const asked: TokenRequest[] = [];
  let valid = '';
  const tokens = await serve(t, (request, response) => {
    void text(request).then((body) => {
      const query = new URL(request.url ?? '', 'http://token').searchParams;
      const one: TokenRequest = { method: request.method, query, form: new URLSearchParams(body) };
      if (request.headers.authorization) one.authorization = request.headers.authorization;
      asked.push(one);
      const { status, answer } = give(one);
      if (status === 200 && typeof answer === 'object')
        valid = (Object.values(answer).find((value) => typeof value === 'string') as string) ?? '';
      if (typeof answer === 'string') response.writeHead(status, { 'content-type': 'text/html' }).end(answer);
      else answerJson(response, status, answer);
    });
  });
  const server = await serve(t, (request, response) => {
    if (valid !== '' && request.headers.authorization === `Bearer ${valid}`) return answerManifest(request, response);
    const refused = request.headers.authorization ? ',error="insufficient_scope"' : '';
    const challenge = `Bearer realm="http://${tokens.host}/token",service="reg",scope="repository:app:pull"${refused}`;
    answerJson(response, 401, {}, { 'www-authenticate': challenge });
  });
  return { server, asked, revoke: () => (valid = '') };
}

test('basic credentials are sent once they are asked for, and at once from then on', async (t) => {
  const server = await serve(t, (request, response) => {
    if (request.headers.authorization === basicOfTim) answerManifest(request, response);
    else response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
  });
  const made = client(t, { credentials: storeOf(tim) });
  await made.resolve(imageAt(server));
  await made.fetchManifest(imageAt(server), manifest);
  t.deepEqual(
    server.requests.map(({ headers }) => headers.authorization),
    [undefined, basicOfTim, basicOfTim],
  );
});

test('a wrong password is tried once and told without being shown', async (t) => {
  const server = await serve(t, (_, response) => {
    response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
  });
  const { log, lines } = recorder();
  const made = client(t, { credentials: storeOf(tim), log });
  const error = await t.throwsAsync(made.resolve(imageAt(server)), { instanceOf: RegistryError });
  t.is(error?.kind, 'denied');
  t.is(error?.status, 401);
  t.is(server.requests.length, 2);
  t.notRegex(JSON.stringify([error?.message, error?.stack, lines]), /pass:word|dGlt/);
});

test('without credentials an anonymous token is fetched and kept', async (t) => {
  const { server, asked } = await bearerRegistry(t, () => ({ status: 200, answer: { token: 'one', expires_in: 300 } }));
  const made = client(t);
  await made.resolve(imageAt(server));
  await made.fetchManifest(imageAt(server), manifest);
  t.is(asked.length, 1);
  t.is(asked[0]?.method, 'GET');
  t.is(asked[0]?.query.get('service'), 'reg');
  t.deepEqual(asked[0]?.query.getAll('scope'), ['repository:app:pull']);
  t.is(asked[0]?.authorization, undefined);
});

test('tokens of the newest 100 repositories are kept, and no more', async (t) => {
  const { server } = await bearerRegistry(t, () => ({ status: 200, answer: { token: 'one', expires_in: 300 } }));
  const made = client(t);
  const firstHeaderOf = async (repository: string) => {
    const before = server.requests.length;
    await made.resolve(imageAt(server, `${repository}:v1`));
    return server.requests[before]?.headers.authorization;
  };
  await firstHeaderOf('old');
  t.is(await firstHeaderOf('old'), 'Bearer one');
  for (let i = 0; i < 100; i++) await firstHeaderOf(`app${i}`);
  t.is(await firstHeaderOf('old'), undefined);
  t.is(await firstHeaderOf('app99'), 'Bearer one');
});

test('reads side by side share one token request', async (t) => {
  const { server, asked } = await bearerRegistry(t, () => ({ status: 200, answer: { token: 'one', expires_in: 300 } }));
  const made = client(t);
  await Promise.all(Array.from({ length: 8 }, () => made.fetchManifest(imageAt(server), manifest)));
  t.is(asked.length, 1);
});

test('a password goes to the token server as an OAuth2 form', async (t) => {
  const { server, asked } = await bearerRegistry(t, () => ({ status: 200, answer: { access_token: 'one' } }));
  await client(t, { credentials: storeOf(tim) }).resolve(imageAt(server));
  t.is(asked[0]?.method, 'POST');
  t.deepEqual(Object.fromEntries(asked[0]?.form ?? []), {
    client_id: 'berth',
    grant_type: 'password',
    username: 'tim',
    password: 'pass:word',
    service: 'reg',
    scope: 'repository:app:pull',
  });
});

const unusable: [string, TokenAnswer][] = [
  ['400', { status: 400, answer: {} }],
  ['403', { status: 403, answer: { errors: [{ code: 'DENIED' }] } }],
  ['405', { status: 405, answer: {} }],
  ['411 and a page', { status: 411, answer: '<html>Length Required</html>' }],
  ['415', { status: 415, answer: {} }],
  ['307', { status: 307, answer: '' }],
  ['500', { status: 500, answer: {} }],
  ['200 and a page', { status: 200, answer: '<html>sign in</html>' }],
  ['200 and a larger page than a token server sends', { status: 200, answer: ' '.repeat(5 * 1024 * 1024) }],
  ['200 and no token', { status: 200, answer: {} }],
  ['200 and an empty token', { status: 200, answer: { token: '', access_token: '' } }],
  ['200 and a list', { status: 200, answer: [] }],
  ['204', { status: 204, answer: '' }],
];

for (const [what, answer] of unusable) {
  test(`a token server that answers ${what} to the form is asked by GET with basic auth`, async (t) => {
    const { server, asked } = await bearerRegistry(t, ({ method }) =>
      method === 'POST' ? answer : { status: 200, answer: { token: 'one' } },
    );
    await client(t, { credentials: storeOf(tim) }).resolve(imageAt(server));
    t.deepEqual(
      asked.map(({ method, authorization }) => [method, authorization]),
      [
        ['POST', undefined],
        ['GET', basicOfTim],
      ],
    );
  });
}

test('a token is good whatever its server says of its life', async (t) => {
  for (const expires_in of ['300', -1, null, {}]) {
    const { server } = await bearerRegistry(t, () => ({ status: 200, answer: { token: 'one', expires_in } }));
    t.is((await client(t).resolve(imageAt(server))).digest, manifest.digest);
  }
});

test('an identity token is exchanged', async (t) => {
  const { server, asked } = await bearerRegistry(t, () => ({ status: 200, answer: { access_token: 'one' } }));
  await client(t, { credentials: storeOf({ kind: 'identity-token', token: 'refresh me' }) }).resolve(imageAt(server));
  t.is(asked[0]?.form.get('grant_type'), 'refresh_token');
  t.is(asked[0]?.form.get('refresh_token'), 'refresh me');
});

test('a registry token is sent as it is', async (t) => {
  const server = await serve(t, (request, response) => {
    if (request.headers.authorization === 'Bearer mine') answerManifest(request, response);
    else response.writeHead(401, { 'www-authenticate': 'Bearer realm="http://127.0.0.1:1/token"' }).end();
  });
  const made = client(t, { credentials: storeOf({ kind: 'registry-token', token: 'mine' }) });
  await made.resolve(imageAt(server));
  await made.resolve(imageAt(server));
  t.is(server.requests.length, 3);
});

test('a token that has expired at the registry is replaced', async (t) => {
  let count = 0;
  const { server, asked, revoke } = await bearerRegistry(t, () => {
    count++;
    return { status: 200, answer: { token: `token-${count}`, expires_in: 0 } };
  });
  const made = client(t);
  await made.resolve(imageAt(server));
  revoke();
  await made.resolve(imageAt(server));
  t.is(asked.length, 2);
});

test('a kept token that the registry does not know any more is replaced', async (t) => {
  let count = 0;
  const { server, asked, revoke } = await bearerRegistry(t, () => {
    count++;
    return { status: 200, answer: { token: `token-${count}`, expires_in: 3600 } };
  });
  const made = client(t);
  await made.resolve(imageAt(server));
  revoke();
  await t.notThrowsAsync(made.resolve(imageAt(server)));
  t.is(asked.length, 2);
});

test('a fresh token without the right is not asked for again', async (t) => {
  const tokens = await serve(t, (_, response) => answerJson(response, 200, { token: 'powerless', expires_in: 300 }));
  const server = await serve(t, (request, response) => {
    const refused = request.headers.authorization ? ',error="insufficient_scope"' : '';
    const challenge = `Bearer realm="http://${tokens.host}/token",service="reg"${refused}`;
    answerJson(response, 401, {}, { 'www-authenticate': challenge });
  });
  const error = await t.throwsAsync(client(t).resolve(imageAt(server)), { instanceOf: RegistryError });
  t.is(error?.kind, 'denied');
  t.is(tokens.requests.length, 1);
});

test('a token server that refuses the login is told as denied, without the password', async (t) => {
  const { server } = await bearerRegistry(t, () => ({ status: 401, answer: { details: 'pass:word' } }));
  const made = client(t, { credentials: storeOf(tim) });
  const error = await t.throwsAsync(made.resolve(imageAt(server)), { instanceOf: RegistryError });
  t.is(error?.kind, 'denied');
  t.regex(error?.message ?? '', /token server .* refused a token for repository app \(HTTP 401\): put a valid login/);
  t.notRegex(`${error?.message}`, /pass:word/);
});

test('a token server that has trouble is told as unreachable', async (t) => {
  const { server } = await bearerRegistry(t, () => ({ status: 503, answer: {} }));
  const error = await t.throwsAsync(client(t).resolve(imageAt(server)), { instanceOf: RegistryError });
  t.is(error?.kind, 'unreachable');
});

test('a token server never sends a password on elsewhere', async (t) => {
  const thief = await serve(t, (_, response) => answerJson(response, 200, { token: 'x' }));
  const tokens = await serve(t, (_, response) => response.writeHead(307, { location: `http://${thief.host}/` }).end());
  const server = await serve(t, (_, response) => {
    response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${tokens.host}/token"` }).end();
  });
  await t.throwsAsync(client(t, { credentials: storeOf(tim) }).resolve(imageAt(server)), { instanceOf: RegistryError });
  t.true(thief.requests.length > 0);
  t.true(thief.requests.every(({ method, headers }) => method === 'GET' && headers.authorization === undefined));
});

test('new credentials count at the next pull', async (t) => {
  let password = 'old';
  const server = await serve(t, (request, response) => {
    const wanted = `Basic ${Buffer.from('tim:new').toString('base64')}`;
    if (request.headers.authorization === wanted) answerManifest(request, response);
    else response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
  });
  const lookup = () => Promise.resolve({ kind: 'password', username: 'tim', password } as const);
  const made = client(t, { credentials: { where: 'file', lookup } });
  await t.throwsAsync(made.resolve(imageAt(server)), { message: /HTTP 401/ });
  password = 'new';
  t.is((await made.resolve(imageAt(server))).digest, manifest.digest);
});

test('who brings logins has tokens of its own, and the logins of all where it has none', async (t) => {
  const { server, asked } = await bearerRegistry(t, ({ form }) => ({
    status: 200,
    answer: { token: `of-${form.get('username')}` },
  }));
  const made = client(t, { credentials: storeOf(tim) });
  await made.resolve(imageAt(server));
  const ann = { kind: 'password', username: 'ann', password: 'x' } as const;
  const withOwn = made.withLogins({ where: 'secret hub', lookup: () => Promise.resolve(ann) });
  await withOwn.resolve(imageAt(server));
  await made.withLogins(storeOf(undefined)).resolve(imageAt(server));
  t.deepEqual(
    asked.map(({ form }) => form.get('username')),
    ['tim', 'ann', 'tim'],
  );
});
