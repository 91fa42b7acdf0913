import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http, { type IncomingMessage, type RequestListener } from 'node:http';
import https from 'node:https';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setDefaultCACertificates } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { CallbackAddresses, type FindAddresses } from '../../../../src/gateway/async/callback-address.ts';
import { CallbackAllow } from '../../../../src/gateway/async/callback-allow.ts';
import { callbackOf, type CallAnswer } from '../../../../src/gateway/async/callback-call.ts';
import { CallbackSender } from '../../../../src/gateway/async/callback-sender.ts';
import type { CallRecord, NewCall, TakenCall } from '../../../../src/gateway/async/queue.ts';
import { makeKeyPair } from '../../../helpers/key-pair.ts';

const fn = { name: 'env', namespace: 'openfaas-fn' };
const callOf = (url: string): CallRecord => ({
  ...{ id: 'call-1', kind: 'call', fn, path: '/', headers: [], url },
  ...{ state: 'running', attempts: 3, queuedMs: 0, dueMs: 0 },
});
const answer: CallAnswer = { status: 200, rawHeaders: [], durationMs: 1234.5678, retries: 2, mostRetries: 9 };
const taken = (callback: NewCall, body = 'the answer'): TakenCall => ({
  ...callback,
  ...{ state: 'running', attempts: 1, queuedMs: 0, dueMs: 0, bodyBytes: Buffer.byteLength(body) },
  body: () => Readable.from(Buffer.from(body)),
});
const callback = (url: string, rawHeaders: string[] = []) =>
  taken(callbackOf(callOf(url), { ...answer, rawHeaders }, 'openfaas-fn'));

async function listen(t: ExecutionContext, server: Server, where: object = { host: '127.0.0.1', port: 0 }) {
  server.listen(where);
  await once(server, 'listening');
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

interface Seen {
  req: IncomingMessage;
  body: string;
  /** The address that was called. */
  at?: string;
}

async function receiver(t: ExecutionContext, reply: RequestListener = (_req, res) => res.end()) {
  const seen: Seen[] = [];
  const server = http.createServer((req, res) => {
    const at = req.socket.localAddress;
    const reading = text(req).then((body) => {
      seen.push({ req, body, at });
      reply(req, res);
    });
    // One that is broken off is the test's.
    reading.catch(() => undefined);
  });
  return { seen, port: await listen(t, server) };
}

interface SenderOptions {
  allow?: string;
  find?: FindAddresses;
  socketPath?: string;
  timeoutMs?: number;
}

const loopback: FindAddresses = () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]);

function sender({ allow = '127.0.0.0/8', find = loopback, socketPath = '/nowhere', timeoutMs }: SenderOptions = {}) {
  const addresses = new CallbackAddresses({ allow: new CallbackAllow(allow), defaultNamespace: 'openfaas-fn', find });
  return new CallbackSender({ addresses, socketPath, userAgent: 'berth/test', timeoutMs });
}

const { signal } = new AbortController();

test('an answer is posted with the headers of OpenFaaS and its own', async (t) => {
  const { seen, port } = await receiver(t);
  const own = [
    ...['Content-Type', 'text/plain', 'X-Custom', 'one', 'X-Custom', 'two', 'Content-Length', '999', 'Host', 'evil'],
    ...['Connection', 'close, x-secret', 'X-Secret', 's', 'Keep-Alive', 'timeout=5', 'Transfer-Encoding', 'chunked'],
    ...['Expect', '100-continue', 'X-Function-Status', '777', 'x-call-id', 'forged', 'Upgrade', 'h2c', 'Trailer', 'x'],
    ...['X-Forwarded-For', '1.2.3.4', 'User-Agent', 'evil', 'X-Real-IP', '1.2.3.4', 'Forwarded', 'for=1.2.3.4'],
  ];
  const outcome = await sender().send(callback(`http://hooks.test:${port}/a?b=c`, own), signal);
  t.is(outcome.status, 200);
  t.is(outcome.error, undefined);
  t.true(outcome.endedMs >= outcome.beganMs);
  const [{ req, body }] = seen as [Seen];
  t.is(`${req.method} ${req.url}`, 'POST /a?b=c');
  t.is(body, 'the answer');
  t.deepEqual(req.headers, {
    connection: 'close',
    ...{ 'content-type': 'text/plain', 'x-custom': 'one, two', 'content-length': '10', host: `hooks.test:${port}` },
    ...{ 'x-call-id': 'call-1', 'x-function-name': 'env', 'x-function-status': '200' },
    ...{ 'x-duration-seconds': '1.234568', 'x-retry': '2', 'x-retry-max': '9', 'user-agent': 'berth/test' },
  });
});

test('a callback comes from its call, and names a function elsewhere with its namespace', (t) => {
  const call = { ...callOf('http://hooks.test/'), fn: { name: 'env', namespace: 'dev' } };
  const made = callbackOf(call, answer, 'openfaas-fn');
  t.like(made, { kind: 'callback', parent: 'call-1', url: 'http://hooks.test/', fn: call.fn });
  t.regex(made.id, /^[A-Za-z0-9_.-]{1,64}$/);
  t.deepEqual(
    made.headers.find(([name]) => name === 'X-Function-Name'),
    ['X-Function-Name', 'env.dev'],
  );
});

test("one of the gateway's names is called through its own socket, and read to the end", async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'berth-callback-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const socketPath = path.join(folder, 'calls.sock');
  const seen: string[] = [];
  const server = http.createServer((req, res) => {
    void text(req).then((body) => seen.push(`${req.method} ${req.url} ${body}`));
    res.once('finish', () => seen.push('finished'));
    res.write('a');
    for (let chunk = 0; chunk < 100; chunk++) res.write(Buffer.alloc(65_536));
    res.end();
  });
  await listen(t, server, { path: socketPath });
  const find = () => Promise.reject(new Error('not to be looked up'));
  const outcome = await sender({ socketPath, find }).send(callback('http://gateway:8080/function/to.dev/x?y'), signal);
  t.is(outcome.status, 200);
  t.deepEqual(seen, ['POST /function/to.dev/x?y the answer', 'finished']);
});

test('a redirect is not followed, and not tried again', async (t) => {
  const inner = await receiver(t);
  for (const status of [301, 302, 303, 307, 308]) {
    const { port } = await receiver(t, (_req, res) =>
      res.writeHead(status, { Location: `http://127.0.0.1:${inner.port}/` }).end(),
    );
    t.like(await sender().send(callback(`http://127.0.0.1:${port}/`), signal), { status, isFinal: true });
  }
  t.is(inner.seen.length, 0);
});

test('a name that leads inside since the call was accepted is called by nobody', async (t) => {
  const { seen, port } = await receiver(t);
  const answers = ['93.184.215.14', '127.0.0.1'];
  const find: FindAddresses = () => Promise.resolve([{ address: answers.shift() ?? '127.0.0.1', family: 4 }]);
  const addresses = new CallbackAddresses({ defaultNamespace: 'openfaas-fn', find });
  await addresses.check(`http://rebind.test:${port}/`);
  const sending = new CallbackSender({ addresses, socketPath: '/nowhere', userAgent: 'berth/test' });
  const outcome = await sending.send(callback(`http://rebind.test:${port}/`), signal);
  t.is(outcome.isFinal, true);
  t.is(outcome.status, undefined);
  t.is(seen.length, 0);
});

test('a name is looked up once, and what was checked is connected to', async (t) => {
  const { seen, port } = await receiver(t);
  let lookups = 0;
  const find: FindAddresses = () =>
    Promise.resolve([{ address: lookups++ === 0 ? '127.0.0.1' : '127.0.0.2', family: 4 }]);
  t.is((await sender({ find }).send(callback(`http://rebind.test:${port}/`), signal)).status, 200);
  t.is(lookups, 1);
  t.is(seen[0]?.at, '127.0.0.1');
});

test('an https server must have a certificate for the name in the URL', async (t) => {
  const { cert, key } = await makeKeyPair('hooks.test');
  setDefaultCACertificates([cert]);
  const port = await listen(
    t,
    https.createServer({ cert, key }, (req, res) => void text(req).then(() => res.end())),
  );
  t.is((await sender().send(callback(`https://hooks.test:${port}/`), signal)).status, 200);
  const other = await sender().send(callback(`https://other.test:${port}/`), signal);
  t.is(other.status, undefined);
  t.regex(other.error ?? '', /altnames/);
  t.falsy(other.isFinal);
});

const statuses = [204, 400, 404, 429, 500, 503];
test('any other status is told with what it says of trying again', async (t) => {
  for (const status of statuses) {
    const { port } = await receiver(t, (_req, res) => res.writeHead(status, { 'Retry-After': '7' }).end());
    const outcome = await sender().send(callback(`http://127.0.0.1:${port}/`), signal);
    t.like(outcome, { status, retryAfter: '7', isFinal: undefined, error: undefined });
  }
});

async function rawReceiver(t: ExecutionContext, onConnection: (socket: Socket) => void) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  t.teardown(() => sockets.forEach((socket) => socket.destroy()));
  return await listen(t, server);
}

const hostile: Record<string, (socket: Socket) => void> = {
  'says nothing': () => {},
  'takes nothing': (socket) => socket.pause(),
  'says what is no HTTP': (socket) => socket.write('SSH-2.0-x\r\n'),
  'closes at once': (socket) => socket.destroy(),
  'has headers without end': (socket) => socket.write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}`),
  'switches protocols': (socket) =>
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'),
  'says again and again that it goes on': (socket) => {
    const timer = setInterval(() => socket.write('HTTP/1.1 102 Processing\r\n\r\n'), 5);
    socket.once('close', () => clearInterval(timer));
  },
};
for (const [what, onConnection] of Object.entries(hostile)) {
  test(`a receiver that ${what} is given up, to be tried again`, async (t) => {
    const port = await rawReceiver(t, onConnection);
    const body = 'x'.repeat(8_000_000);
    const call = {
      ...callback(`http://127.0.0.1:${port}/`),
      bodyBytes: body.length,
      body: () => Readable.from(Buffer.from(body)),
    };
    const outcome = await sender({ timeoutMs: 50 }).send(call, signal);
    t.is(outcome.status, undefined);
    t.truthy(outcome.error);
    t.falsy(outcome.isFinal);
  });
}

test('an answer that never ends, or breaks off, is known by its status', async (t) => {
  const endless = await rawReceiver(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n');
    const pump = () => void (socket.destroyed || socket.write(Buffer.alloc(1_000_000), pump));
    pump();
  });
  t.is((await sender().send(callback(`http://127.0.0.1:${endless}/`), signal)).status, 200);
  const broken = await rawReceiver(t, (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx'));
  t.is((await sender().send(callback(`http://127.0.0.1:${broken}/`), signal)).status, 200);
});

test('one that answers before it has the body has answered', async (t) => {
  const port = await rawReceiver(t, (socket) => socket.end('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n'));
  const body = () => Readable.from(endlessly());
  const call = { ...callback(`http://127.0.0.1:${port}/`), bodyBytes: 1e9, body };
  t.is((await sender({ timeoutMs: 10_000 }).send(call, signal)).status, 413);
});

function* endlessly() {
  for (;;) yield Buffer.alloc(65_536);
}

test('a body that cannot be read, or has another length, is an error and no crash', async (t) => {
  const { port } = await receiver(t);
  const call = callback(`http://127.0.0.1:${port}/`);
  const unreadable = new Readable({ read: () => unreadable.destroy(new Error('EIO: i/o error')) });
  t.regex((await sender().send({ ...call, body: () => unreadable }, signal)).error ?? '', /EIO/);
  t.truthy((await sender({ timeoutMs: 50 }).send({ ...call, bodyBytes: 99 }, signal)).error);
});

test('a header that no request can have is an error and no crash', async (t) => {
  const { port } = await receiver(t);
  const call = callback(`http://127.0.0.1:${port}/`, ['X-A', 'b\r\nX-C: d', 'X-Ü', 'ü', '', 'x', 'X-E', '€']);
  const outcome = await sender().send(call, signal);
  t.truthy(outcome.error ?? outcome.status);
});

test('one that is aborted rejects with the reason, wherever it is', async (t) => {
  const stop = new Error('stop');
  const port = await rawReceiver(t, () => aborting.abort(stop));
  const aborting = new AbortController();
  const posted = sender().send(callback(`http://127.0.0.1:${port}/`), aborting.signal);
  t.is(await t.throwsAsync(posted), stop);
  const lookingUp = new AbortController();
  const find = () => (lookingUp.abort(stop), new Promise<never>(() => {}));
  t.is(await t.throwsAsync(sender({ find }).send(callback('http://slow.test/'), lookingUp.signal)), stop);
});

test('a name without addresses, and one that is not found, are tried again', async (t) => {
  for (const find of [() => Promise.resolve([]), () => Promise.reject(new Error('ENOTFOUND'))]) {
    const outcome = await sender({ find }).send(callback('http://nowhere.test/'), signal);
    t.truthy(outcome.error);
    t.falsy(outcome.isFinal);
  }
});

test('one that is aborted before it began leaves no rejection that nobody handles', async (t) => {
  const find: FindAddresses = () => Promise.reject(new Error('no such name'));
  await t.throwsAsync(sender({ find }).send(callback('http://nowhere.example/'), AbortSignal.abort()), {
    name: 'AbortError',
  });
  // It would end the daemon, as it ends this test's process.
  await nextTurn();
});
