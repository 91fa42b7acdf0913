import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { until } from '../../../helpers/poll.ts';
import { TrustedProxies } from '../../../../src/provider/index.ts';
import { startAsync } from './with-async.ts';

/** Sends bytes and returns all that is answered until the connection ends. */
async function raw(port: number, ...parts: string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  for (const part of parts) socket.write(part);
  return text(socket);
}

/** One that hears of a call's head. */
function headsOf(heads: string[][]) {
  return (req: { rawHeaders: string[]; url?: string; method?: string }, res: { end(): void }) => {
    heads.push([req.method ?? '', req.url ?? '', ...req.rawHeaders]);
    res.end();
  };
}

const scheduleIds = ['cron-env-0123456789-20261127T143000Z', 'cron-a-b-c012345678-20261127T143000.500Z'];

const idOf = (response: Response) => response.headers.get('x-call-id') ?? '';

test('a call is answered 202 with its id, and is in the queue by then', async (t) => {
  const { provider, queue, post } = await startAsync(t, { idle: true });
  provider.add('env', 1);
  const answer = await post('env.openfaas-fn/a%20b?c=d&c', { body: 'hello' });
  t.is(answer.status, 202);
  t.is(await answer.text(), '');
  t.regex(answer.headers.get('x-start-time') ?? '', /^\d{19}$/);
  const call = await queue.get(idOf(answer));
  t.like(call, { path: '/a%20b?c=d&c', state: 'queued', attempts: 0 });
});

for (const id of ['a', '.hidden', 'A-b_c.9', 'x'.repeat(64)])
  test(`a caller's own id is kept, and known by it: ${id}`, async (t) => {
    const { provider, post } = await startAsync(t, { idle: true });
    provider.add('env', 1);
    const init = { headers: { 'x-call-id': id } };
    t.is(idOf(await post('env', init)), id);
    const again = await post('env', init);
    t.is(again.status, 409);
    t.true((await again.text()).includes(id));
  });

// The last are those of a schedule, which would not be called at that time as it has been.
for (const id of ['..', '.', 'a b', 'a/b', 'é', 'x'.repeat(65), ...scheduleIds])
  test(`an id that cannot be kept is replaced: ${id}`, async (t) => {
    const { provider, post } = await startAsync(t, { idle: true });
    provider.add('env', 1);
    const answer = await post('env', { headers: { 'x-call-id': id } });
    t.is(answer.status, 202);
    t.regex(idOf(answer), /^[0-9a-f]{8}-[0-9a-f-]{27}$/);
  });

test('the function is told what the caller has sent, and where the call came from', async (t) => {
  const heads: string[][] = [];
  const { provider, port, untilState } = await startAsync(t, {
    listener: headsOf(heads),
    config: { trustedProxies: new TrustedProxies('127.0.0.1') },
  });
  provider.add('env', 1);
  const head = [
    'POST /async-function/env/path?q HTTP/1.1',
    ...['Host: a', 'Content-Length: 5', 'X-Call-Id: told', 'X-Forwarded-For: 203.0.113.9', 'X-Own: a'],
    ...['Connection: close, x-dropped', 'X-Dropped: b'],
  ];
  t.regex(await raw(port, `${head.join('\r\n')}\r\n\r\nhello`), /^HTTP\/1.1 202/);
  await untilState('told', 'done');
  const [[method, url, ...list] = []] = heads;
  t.deepEqual([method, url], ['POST', '/path?q']);
  const told = new Map(list.flatMap((name, at) => (at % 2 === 0 ? [[name.toLowerCase(), list[at + 1]]] : [])));
  t.is(told.get('x-call-id'), 'told');
  t.is(told.get('x-own'), 'a');
  t.is(told.get('content-length'), '5');
  t.is(told.get('x-forwarded-for'), '203.0.113.9, 127.0.0.1');
  t.false(told.has('x-dropped'));
});

async function refusals(t: ExecutionContext) {
  const { post, port, provider, queue } = await startAsync(t, { idle: true, bodyLimitBytes: 1000, maxCalls: 1 });
  provider.add('env', 1);
  return { post, port, queue };
}

test('unknown functions, and names that are none, are answered 404', async (t) => {
  const { post } = await refusals(t);
  for (const path of ['no', 'env.other', '', 'UPPER', '%65nv']) t.is((await post(path)).status, 404, path);
});

test('a body over the limit is answered 413, on a connection that goes on', async (t) => {
  const { port, queue } = await refusals(t);
  const get = 'GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
  const head = 'POST /async-function/env HTTP/1.1\r\nHost: a\r\nX-Call-Id: big\r\n';
  const lengthy = await raw(port, `${head}Content-Length: 1001\r\n\r\n${'x'.repeat(1001)}`, get);
  t.regex(lengthy, /^HTTP\/1.1 413 .*async_body_limit.*HTTP\/1.1 200 /s);
  const chunks = `3e8\r\n${'x'.repeat(1000)}\r\n1\r\nx\r\n0\r\n\r\n`;
  const chunked = await raw(port, `${head}Transfer-Encoding: chunked\r\n\r\n${chunks}`, get);
  t.regex(chunked, /^HTTP\/1.1 413 .*HTTP\/1.1 200 /s);
  t.is(await queue.get('big'), undefined);
});

test('a caller that waits to be told to go on is refused before it sends, or told', async (t) => {
  const { port } = await refusals(t);
  const head = (path: string, bytes: number) =>
    `POST /async-function/${path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: ${bytes}\r\n\r\n`;
  t.regex(await raw(port, head('no', 5)), /^HTTP\/1.1 404/);
  t.regex(await raw(port, head('env', 1001)), /^HTTP\/1.1 413/);
  t.regex(await raw(port, `${head('env', 5)}hello`), /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 202/);
});

test('a full queue is answered 429, and says when to try again', async (t) => {
  const { post } = await refusals(t);
  t.is((await post('env')).status, 202);
  const answer = await post('env');
  t.is(answer.status, 429);
  t.regex(answer.headers.get('retry-after') ?? '', /^\d+$/);
});

test('an answer that may not be posted where it should is refused at once', async (t) => {
  const { post } = await refusals(t);
  for (const url of [
    'http://192.168.1.1/',
    'ftp://example.com',
    'http://[::ffff:127.0.0.1]/',
    'http://gateway/system/info',
  ]) {
    const answer = await post('env', { headers: { 'x-callback-url': url } });
    t.is(answer.status, 400, url);
    t.regex(await answer.text(), /^X-Callback-Url .*\n$/);
  }
});

test('two addresses for one answer are refused', async (t) => {
  const { provider, port } = await startAsync(t, { idle: true });
  provider.add('env', 1);
  const callbacks = ['one', 'two'].map((name) => `X-Callback-Url: http://93.184.215.14/${name}\r\n`);
  const head = `POST /async-function/env HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n`;
  t.regex(await raw(port, `${head}${callbacks.join('')}\r\n`), /^HTTP\/1.1 400 .*X-Callback-Url.*once\n$/s);
});

test('a call whose caller leaves while it sends is not made, and others are', async (t) => {
  const { provider, port, queue, post } = await startAsync(t, { idle: true });
  provider.add('env', 1);
  const socket = connect(port, '127.0.0.1');
  socket.write('POST /async-function/env HTTP/1.1\r\nHost: a\r\nX-Call-Id: cut\r\nContent-Length: 10\r\n\r\nhello');
  await until(() => provider.statusCalls > 0);
  socket.destroy();
  await once(socket, 'close');
  t.is((await post('env')).status, 202);
  t.is(await queue.get('cut'), undefined);
  t.is(queue.pending({ name: 'env', namespace: 'openfaas-fn' }), 1);
});

test('a body with a coding that is not known is not taken', async (t) => {
  const { port } = await refusals(t);
  const head = 'POST /async-function/env HTTP/1.1\r\nHost: a\r\nConnection: close\r\n';
  t.regex(await raw(port, `${head}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`), /^HTTP\/1.1 501/);
});
