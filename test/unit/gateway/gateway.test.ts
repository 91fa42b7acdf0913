import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { machine } from 'node:os';
import test from 'ava';
import { WebSocketServer, WebSocket } from 'ws';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { FunctionExistsError, FunctionNotFoundError } from '../../../src/provider/index.ts';
import { until } from '../../helpers/poll.ts';
import { scale } from './scaling/scaled-world.ts';
import { samples, startGateway } from './with-gateway.ts';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

test('a call gets an id and a start time, which function and caller both see', async (t) => {
  const { url, provider } = await startGateway(t, {
    listener: (req, res) => res.end(JSON.stringify([req.headers['x-call-id'], req.headers['x-start-time']])),
  });
  provider.add('env', 1);
  const beforeNs = BigInt(Date.now()) * 1_000_000n;
  const reply = await fetch(`${url}/function/env`);
  const id = reply.headers.get('x-call-id') ?? '';
  const started = reply.headers.get('x-start-time') ?? '';
  t.regex(id, uuid);
  t.true(BigInt(started) >= beforeNs);
  t.true(BigInt(started) <= BigInt(Date.now()) * 1_000_000n);
  t.deepEqual(await reply.json(), [id, started]);
});

test("the caller's own id is kept", async (t) => {
  const { url, provider } = await startGateway(t, { listener: (req, res) => res.end(req.headers['x-call-id']) });
  provider.add('env', 1);
  const reply = await fetch(`${url}/function/env`, { headers: { 'X-Call-Id': 'mine' } });
  t.is(reply.headers.get('x-call-id'), 'mine');
  t.is(await reply.text(), 'mine');
});

test('two calls have two ids', async (t) => {
  const { url, provider } = await startGateway(t);
  provider.add('env', 1);
  const ids = await Promise.all([1, 2].map(async () => (await fetch(`${url}/function/env`)).headers.get('x-call-id')));
  t.not(ids[0], ids[1]);
});

test('calls are counted by function and status, and the list shows how many', async (t) => {
  const { url, provider, registry } = await startGateway(t, {
    listener: (req, res) => res.writeHead(req.url === '/no' ? 418 : 200).end(),
  });
  provider.add('env', 1);
  provider.add('idle', 1);
  for (const path of ['env', 'env.openfaas-fn', 'env/no']) await fetch(`${url}/function/${path}`);
  const ended = () => samples(registry, 'gateway_function_invocation_total{');
  await until(async () => (await ended()).length === 2);
  t.deepEqual(await ended(), [
    'gateway_function_invocation_total{function_name="env.openfaas-fn",code="200"} 2',
    'gateway_function_invocation_total{function_name="env.openfaas-fn",code="418"} 1',
  ]);
  t.deepEqual(await samples(registry, 'gateway_function_invocation_started{'), [
    'gateway_function_invocation_started{function_name="env.openfaas-fn"} 3',
  ]);
  t.deepEqual(await samples(registry, 'gateway_functions_seconds_count{'), [
    'gateway_functions_seconds_count{function_name="env.openfaas-fn",code="200"} 2',
    'gateway_functions_seconds_count{function_name="env.openfaas-fn",code="418"} 1',
  ]);
  const list = (await (await fetch(`${url}/system/functions`)).json()) as { name: string; invocationCount: number }[];
  t.deepEqual(
    list.map(({ name, invocationCount }) => [name, invocationCount]),
    [
      ['env', 3],
      ['idle', 0],
    ],
  );
});

test('calls of unknown functions make no series', async (t) => {
  const { url, registry } = await startGateway(t);
  for (const name of ['nobody', 'nobody.dev', 'NOT-A-NAME', '']) await fetch(`${url}/function/${name}`);
  t.deepEqual(await samples(registry, 'gateway_function'), []);
});

test('a call is in flight until its reply has ended', async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { url, provider, registry } = await startGateway(t, {
    listener: (_req, res) => {
      res.write('begun');
      void promise.then(() => res.end());
    },
  });
  provider.add('env', 1);
  const reply = await fetch(`${url}/function/env`);
  t.regex((await samples(registry, 'gateway_function_invocation_inflight{'))[0] ?? '', /"env.openfaas-fn"} 1$/);
  resolve();
  await reply.text();
  await until(async () => (await samples(registry, 'gateway_function_invocation_inflight{'))[0]?.endsWith(' 0'));
  t.pass();
});

test('a WebSocket is in flight for as long as it is open', async (t) => {
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { url, provider, registry } = await startGateway(t);
  provider.add('chat', 1);
  const { port } = server.address() as { port: number };
  provider.resolve = () => Promise.resolve({ hostname: '127.0.0.1', port, release: () => {} });
  const socket = new WebSocket(`${url.replace('http', 'ws')}/function/chat`);
  await once(socket, 'open');
  const inFlight = () => samples(registry, 'gateway_function_invocation_inflight{');
  t.regex((await inFlight())[0] ?? '', /"chat.openfaas-fn"} 1$/);
  socket.terminate();
  await until(async () => (await inFlight())[0]?.endsWith(' 0'));
  t.is((await samples(registry, 'gateway_function_invocation_total{'))[0]?.endsWith('code="101"} 1'), true);
  sockets.close();
  server.close();
});

test('/system/info names the provider within and the gateway beside it', async (t) => {
  const { url } = await startGateway(t);
  t.deepEqual(await (await fetch(`${url}/system/info`)).json(), {
    provider: { provider: 'test', orchestration: 'none', version: { release: '1', sha: 'abc' } },
    version: { release: '0.0.0', sha: 'abc' },
    arch: machine(),
  });
});

test('health is 503 until everything has been looked after', async (t) => {
  let ready = false;
  const { url } = await startGateway(t, { gateway: { ready: () => ready } });
  const reply = await fetch(`${url}/healthz`);
  t.is(reply.status, 503);
  t.regex(await reply.text(), /^starting: [^\n]+\n$/);
  ready = true;
  t.is((await fetch(`${url}/healthz`)).status, 200);
});

test('metrics show the replicas wanted and ready in every namespace, of functions that are there', async (t) => {
  const { provider, registry } = await startGateway(t);
  Object.assign(provider, { namespaces: { list: () => Promise.resolve(['openfaas-fn', 'dev']) } });
  provider.add('env', 2, scale({ min: '2', type: 'capacity', target: '10' })).availableReplicas = 1;
  provider.add('cron', 0, {}, 'dev');
  t.deepEqual(await samples(registry, 'gateway_service'), [
    'gateway_service_count{function_name="env.openfaas-fn"} 2',
    'gateway_service_count{function_name="cron.dev"} 0',
    'gateway_service_ready_count{function_name="env.openfaas-fn"} 1',
    'gateway_service_ready_count{function_name="cron.dev"} 0',
    'gateway_service_min{function_name="env.openfaas-fn"} 2',
    'gateway_service_min{function_name="cron.dev"} 1',
    'gateway_service_target_load{function_name="env.openfaas-fn",scaling_type="capacity"} 9',
  ]);
  await provider.remove({ name: 'env', namespace: 'openfaas-fn' });
  t.is((await samples(registry, 'gateway_service')).length, 3);
});

test('a wake and the calls that waited for it are timed', async (t) => {
  const { url, provider, registry } = await startGateway(t);
  provider.add('env', 0);
  provider.slow = true;
  let waiting = 0;
  const resolve = provider.resolve.bind(provider);
  provider.resolve = (fn, options) => {
    if (options.waitMs) waiting += 1;
    return resolve(fn, options);
  };
  const calls = [1, 2, 3].map(() => fetch(`${url}/function/env`).then((reply) => reply.text()));
  await until(() => waiting === 3);
  // Longer than what counts as no wait.
  await new Promise((done) => setTimeout(done, 5));
  provider.becomeReady();
  await Promise.all(calls);
  const woken = 'berth_function_wake_seconds_count{function_name="env.openfaas-fn"}';
  t.deepEqual(await samples(registry, woken), [`${woken} 1`]);
  const queued = 'berth_function_queue_seconds_count{function_name="env.openfaas-fn"}';
  t.deepEqual(await samples(registry, queued), [`${queued} 3`]);
});

test('metrics are answered also when functions cannot be listed', async (t) => {
  const { url, provider } = await startGateway(t);
  provider.list = () => Promise.reject(new Error('containerd is away'));
  t.is((await fetch(`${url}/metrics`)).status, 200);
});

for (const [path, status] of [
  ['env', 200],
  ['nobody', 404],
] as const) {
  test(`a call answered ${status} is named to its caller, by headers spelled as in OpenFaaS's documentation`, async (t) => {
    const { url, provider } = await startGateway(t);
    provider.add('env', 1);
    const { promise, resolve } = Promise.withResolvers<IncomingMessage>();
    get(`${url}/function/${path}`, { headers: { 'X-Call-Id': 'mine' } }, resolve);
    const reply = await promise;
    reply.resume();
    t.is(reply.statusCode, status);
    const named = reply.rawHeaders.filter((name) => /^x-(call-id|start-time)$/i.test(name));
    t.deepEqual(named, ['X-Call-Id', 'X-Start-Time']);
    t.is(reply.headers['x-call-id'], 'mine');
  });
}

test('an upgrade is named to the function and to the caller', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { url, provider } = await startGateway(t);
  provider.add('chat', 1);
  const { port } = server.address() as { port: number };
  provider.resolve = () => Promise.resolve({ hostname: '127.0.0.1', port, release: () => {} });
  const asked = once(server, 'upgrade') as Promise<[IncomingMessage, Duplex]>;
  const socket = new WebSocket(`${url.replace('http', 'ws')}/function/chat`, { headers: { 'X-Call-Id': 'mine' } });
  socket.on('error', () => {});
  const [{ headers }, upstream] = await asked;
  t.is(headers['x-call-id'], 'mine');
  t.regex(String(headers['x-start-time']), /^\d{19}$/);
  const key = String(headers['sec-websocket-key']);
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  const answered = once(socket, 'upgrade') as Promise<[IncomingMessage]>;
  upstream.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  const [answer] = await answered;
  upstream.destroy();
  t.is(answer.headers['x-call-id'], 'mine');
  t.is(answer.headers['x-start-time'], headers['x-start-time']);
});

test('a PUT updates a function, and creates one that is not there', async (t) => {
  const { url, provider } = await startGateway(t);
  const asked: string[] = [];
  const fn = { name: 'env', namespace: 'openfaas-fn' };
  const deploys = [undefined, new FunctionExistsError(fn), new FunctionExistsError(fn)];
  const updates = [undefined, new FunctionNotFoundError(fn)];
  const ask = (what: string, outcomes: (Error | undefined)[]) => {
    asked.push(what);
    const failure = outcomes.shift();
    return failure ? Promise.reject(failure) : Promise.resolve('ready' as const);
  };
  provider.deploy = () => ask('deploy', deploys);
  provider.update = () => ask('update', updates);
  const put = () => fetch(`${url}/system/functions`, { method: 'PUT', body: '{"service":"env","image":"a"}' });
  t.is((await put()).status, 202, 'created');
  t.is((await put()).status, 200, 'updated');
  t.is((await put()).status, 404, 'removed while its update waited, and not created anew');
  t.deepEqual(asked, ['deploy', 'deploy', 'update', 'deploy', 'update']);
});
