import { getEventListeners, once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import {
  probe,
  untilFailing,
  untilReady,
  type ProbeTarget,
} from '../../../../../src/backends/containerd/replicas/probe.ts';
import { workloadOf, type ProbeSettings } from '../../../../../src/provider/index.ts';
import { freePort } from '../../../../helpers/free-port.ts';
import { until } from '../../../../helpers/poll.ts';

const never = new AbortController().signal;
const settings: ProbeSettings = {
  initialDelayMs: 0,
  periodMs: 10,
  timeoutMs: 5000,
  successThreshold: 1,
  failureThreshold: 1,
};

async function listening(t: ExecutionContext, server: Server, port = 0): Promise<ProbeTarget> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { hostname: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

const http = (t: ExecutionContext, listener: RequestListener) => listening(t, createHttpServer(listener));
const tcp = (t: ExecutionContext, onConnection: (socket: Socket) => void) => listening(t, createServer(onConnection));

test('without a path any answer but 503 on the watchdog path is good: an image that is no watchdog may say 404', async (t) => {
  for (const [status, good] of [
    [200, true],
    [404, true],
    [405, true],
    [500, true],
    [503, false],
  ] as const) {
    const paths: string[] = [];
    const target = await http(t, (req, res) => {
      paths.push(`${req.method} ${req.url}`);
      res.writeHead(status).end('body');
    });
    t.is(await probe(target, settings, never), good, String(status));
    t.deepEqual(paths, ['GET /_/health']);
  }
});

test('probes that are over are forgotten by the signal of the replica', async (t) => {
  const target = await http(t, (_req, res) => res.end());
  const { signal } = new AbortController();
  for (let round = 0; round < 3; round++) t.true(await probe(target, settings, signal));
  t.true(await until(() => getEventListeners(signal, 'abort').length === 0));
});

test('with a path only an answer below 400 is good', async (t) => {
  for (const [status, good] of [
    [200, true],
    [204, true],
    [302, true],
    [400, false],
    [404, false],
    [500, false],
    [503, false],
  ] as const) {
    const target = await http(t, (req, res) => res.writeHead(req.url === '/ready?full' ? status : 418).end());
    t.is(await probe(target, { ...settings, path: '/ready?full' }, never), good, String(status));
  }
});

test('what listens and speaks no HTTP is good by its open port, unless a path is asked for', async (t) => {
  const target = await tcp(t, (socket) => socket.end('220 mail.example ESMTP\r\n'));
  t.true(await probe(target, settings, never));
  t.false(await probe(target, { ...settings, path: '/' }, never));
});

test('a closed port, a connection that is cut and silence are bad', async (t) => {
  t.false(await probe({ hostname: '127.0.0.1', port: await freePort() }, settings, never));
  t.false(await probe(await tcp(t, (socket) => socket.destroy()), settings, never));
  t.false(await probe(await tcp(t, () => {}), { ...settings, timeoutMs: 50 }, never));
});

test('an answer whose body never ends is good by its head, and the probe holds no connection', async (t) => {
  let closed = 0;
  const target = await http(t, (_, res) => {
    res.writeHead(200).write('and so on');
    res.once('close', () => closed++);
  });
  t.true(await probe(target, settings, never));
  await untilReady(target, settings, never);
  while (closed < 2) await new Promise(setImmediate);
  t.is(closed, 2);
});

test('each probe says who asks, so that a watchdog need not log it, and uses a connection of its own', async (t) => {
  const agents: string[] = [];
  const ports = new Set<number | undefined>();
  const target = await http(t, (req, res) => {
    agents.push(`${req.headers['user-agent']} ${req.headers.connection}`);
    ports.add(req.socket.remotePort);
    res.end();
  });
  await probe(target, settings, never);
  await probe(target, settings, never);
  t.deepEqual(agents, ['kube-probe/berth close', 'kube-probe/berth close']);
  t.is(ports.size, 2);
});

test('a function is ready once it answers well as often in a row as is asked for', async (t) => {
  const answers = [500, 200, 200, 500, 200, 200, 200];
  let asked = 0;
  const target = await http(t, (_, res) => res.writeHead(answers[asked++] ?? 200).end());
  await untilReady(target, { ...settings, path: '/ready', successThreshold: 3 }, never);
  t.is(asked, answers.length);
});

test('a function that begins to listen late is found ready', async (t) => {
  const port = await freePort();
  const ready = untilReady({ hostname: '127.0.0.1', port }, settings, never);
  const late = createHttpServer((_, res) => res.end());
  await listening(t, late, port);
  await t.notThrowsAsync(ready);
});

test('a function fails once it answers badly as often in a row as is borne', async (t) => {
  const answers = [200, 500, 500, 200, 500, 500, 500];
  let asked = 0;
  const target = await http(t, (_, res) => res.writeHead(answers[asked++] ?? 200).end());
  await untilFailing(target, { ...settings, path: '/alive', failureThreshold: 3 }, never, () => false);
  t.is(asked, answers.length);
});

test('while a function is busy with calls its bad answers do not count', async (t) => {
  let asked = 0;
  const target = await http(t, (_, res) => {
    asked += 1;
    res.writeHead(500).end();
  });
  const strict = { ...settings, path: '/alive', failureThreshold: 2 };
  await untilFailing(target, strict, never, () => asked <= 5);
  t.is(asked, 7);
});

for (const [name, wait] of [
  ['readiness', (target: ProbeTarget, signal: AbortSignal) => untilReady(target, { ...settings, path: '/' }, signal)],
  ['liveness', (target: ProbeTarget, signal: AbortSignal) => untilFailing(target, settings, signal, () => false)],
] as const) {
  test(`the watch for ${name} ends when it is called off, also in the middle of a probe`, async (t) => {
    const watch = new AbortController();
    const target = await tcp(t, () => watch.abort());
    await t.throwsAsync(wait(target, watch.signal));
    await t.throwsAsync(wait(target, AbortSignal.abort()));
  });
}

test('a path is asked for as a browser would, also without its slash or with a blank', async (t) => {
  for (const [path, asked] of [
    ['ready', '/ready'],
    ['/is it up?now=1', '/is%20it%20up?now=1'],
    ['//twice', '//twice'],
    ['', undefined],
  ] as const) {
    const annotations = { 'com.openfaas.ready.http.path': path };
    const { path: read } = workloadOf({ name: 'fn', namespace: 'openfaas-fn', image: 'fn', annotations }).readiness;
    t.is(read, asked);
    const target = await http(t, (req, res) => res.writeHead(req.url === (asked ?? '/_/health') ? 200 : 503).end());
    t.true(await probe(target, { ...settings, path: read }, never), path);
  }
});
