import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import { test } from './each-road.ts';
import { WebSocket, WebSocketServer } from 'ws';
import { until } from '../../../helpers/poll.ts';
import {
  call,
  closedPort,
  RawCaller,
  startCannedFunction,
  startFront,
  startFunction,
  startRawFunction,
} from './world.ts';

const handshake = (path = '/function/env', more = '') =>
  `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${more}\r\n`;

const accepted = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

/** A function that agrees to switch and then does with the connection as told. */
function startSwitching(t: ExecutionContext, after: (socket: Socket, head: string) => void): Promise<number> {
  return startRawFunction(t, (socket) => {
    socket.once('data', (data: Buffer) => {
      socket.write(accepted);
      after(socket, data.toString('latin1'));
    });
  });
}

async function startEcho(t: ExecutionContext): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) =>
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
  );
  await once(server, 'listening');
  t.teardown(() => {
    for (const client of sockets.clients) client.terminate();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test('1 000 messages of a WebSocket are echoed in order, and the call ends when it closes', async (t) => {
  const { port, outcomes } = await startFront(t, await startEcho(t));
  const socket = new WebSocket(`ws://127.0.0.1:${port}/function/env/chat?room=1`);
  const got: string[] = [];
  socket.on('message', (data: Buffer) => got.push(data.toString()));
  await once(socket, 'open');
  const sent = Array.from({ length: 1_000 }, (_, index) => `${index} ${'x'.repeat(index)}`);
  for (const message of sent) socket.send(message);
  await until(() => got.length === sent.length);
  t.deepEqual(got, sent);
  t.deepEqual(outcomes, []);
  socket.close();
  await once(socket, 'close');
  await until(() => outcomes.length === 1);
  t.is(outcomes[0]?.status, 101);
});

test('the function sees the raw path, upgrade in lower case and where the call came from', async (t) => {
  let head = '';
  const upstreamPort = await startSwitching(t, (_socket, data) => (head = data));
  const { port } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send(handshake('/function/env//a%2F{b}?x=y?z', 'X-Kept: 1\r\n'));
  await caller.sees(/^HTTP\/1\.1 101/);
  t.true(head.startsWith('GET //a%2F{b}?x=y?z HTTP/1.1\r\n'));
  t.regex(head, /\r\nupgrade: websocket\r\n/i);
  t.regex(head, /\r\nconnection: upgrade\r\n/i);
  t.regex(head, /\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n/i);
  t.regex(head, /\r\nx-forwarded-for: 127\.0\.0\.1\r\n/i);
  t.regex(head, new RegExp(`\r\nhost: 127.0.0.1:${upstreamPort}\r\n`, 'i'));
  t.regex(head, /\r\nx-kept: 1\r\n/i);
});

test('bytes right behind either handshake are not lost', async (t) => {
  let seen = '';
  const upstreamPort = await startRawFunction(t, (socket) => {
    socket.on('data', (data: Buffer) => {
      const isFirst = seen === '';
      seen += data.toString('latin1');
      if (isFirst) socket.write(`${accepted}early reply`);
    });
  });
  const { port } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send(`${handshake()}early bytes`);
  await caller.sees('early reply');
  await until(() => seen.endsWith('\r\n\r\nearly bytes'));
  t.pass();
});

for (const [title, framing] of [
  ['of known length', 'Content-Length: 7\r\n\r\nnot you'],
  ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n7\r\nnot you\r\n0\r\n\r\n'],
] as const) {
  test(`a refusal with a body ${title} is passed on`, async (t) => {
    const upstreamPort = await startCannedFunction(t, `HTTP/1.1 403 No\x01\r\nX-Why: because\r\n${framing}`);
    const { port, outcomes } = await startFront(t, upstreamPort);
    const caller = new RawCaller(t, port);
    caller.send(handshake());
    await caller.isCut();
    t.regex(caller.text, /^HTTP\/1\.1 403 Forbidden\r\n[^]*X-Why: because\r\n[^]*\r\n\r\nnot you$/);
    t.notRegex(caller.text, /transfer-encoding/i);
    await until(() => outcomes.length === 1);
    t.is(outcomes[0]?.status, 403);
  });
}

test('a handshake with a function that is down is answered with one line', async (t) => {
  const { port, outcomes } = await startFront(t, closedPort);
  const caller = new RawCaller(t, port);
  caller.send(handshake());
  await caller.isCut();
  t.regex(caller.text, /^HTTP\/1\.1 502 Bad Gateway\r\n[^]*\r\n\r\nCan't reach service for: env\.\n$/);
  t.is(outcomes.at(-1)?.failure, 'unreachable');
});

test('a handshake with an unknown function is answered 404', async (t) => {
  const { port } = await startFront(t, 1);
  const caller = new RawCaller(t, port);
  caller.send(handshake('/function/'));
  await caller.isCut();
  t.regex(caller.text, /^HTTP\/1\.1 404/);
});

for (const [title, reply] of [
  ['nothing', ''],
  ['garbage', 'garbage\r\n\r\n'],
  ['half a head', 'HTTP/1.1 101 Switching Protocols\r\nUpg'],
] as const) {
  test(`a function that answers the handshake with ${title} and closes is answered 502`, async (t) => {
    const upstreamPort = await startCannedFunction(t, reply, (socket) => socket.end());
    const { port, outcomes } = await startFront(t, upstreamPort);
    const caller = new RawCaller(t, port);
    caller.send(handshake());
    await caller.isCut();
    t.regex(caller.text, /^HTTP\/1\.1 502/);
    t.is(outcomes.length, 1);
  });
}

test('a caller that ends its side still gets what the function has to say', async (t) => {
  const upstreamPort = await startSwitching(t, (socket) => {
    socket.once('end', () => socket.end('last words'));
  });
  const { port, outcomes } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send(handshake());
  await caller.sees('101');
  caller.socket.end('bye');
  await caller.sees('last words');
  await until(() => outcomes.length === 1);
  t.pass();
});

test('a function that ends its side still gets what the caller has to say', async (t) => {
  let seen = '';
  const server = createServer();
  server.on('upgrade', (_req, socket) => {
    socket.on('data', (data: Buffer) => (seen += data.toString())).on('end', () => (seen += '|end'));
    socket.end(accepted);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => void server.close());
  const { port, outcomes } = await startFront(t, (server.address() as AddressInfo).port);
  const caller = new RawCaller(t, port);
  caller.send(handshake());
  await caller.isCut();
  caller.send('last ');
  caller.socket.end('words');
  await until(() => seen === 'last words|end');
  await until(() => outcomes.length === 1);
  t.pass();
});

test('a caller that resets ends the connection to the function', async (t) => {
  let isClosed = false;
  const upstreamPort = await startSwitching(t, (socket) => socket.resume().once('close', () => (isClosed = true)));
  const { port, outcomes } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send(handshake());
  await caller.sees('101');
  caller.reset();
  await until(() => isClosed && outcomes.length === 1);
  t.pass();
});

test('a function that resets ends the connection of the caller', async (t) => {
  let function_: Socket | undefined;
  const upstreamPort = await startSwitching(t, (socket) => (function_ = socket));
  const { port, outcomes } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send(handshake());
  await caller.sees('101');
  function_?.resetAndDestroy();
  await caller.isCut();
  await until(() => outcomes.length === 1);
  t.pass();
});

test('a caller that resets during the handshake ends it', async (t) => {
  let asked = 0;
  let closed = 0;
  const upstreamPort = await startRawFunction(t, (socket) => {
    socket.once('data', () => asked++).once('close', () => closed++);
  });
  const { port, outcomes } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send(handshake());
  await until(() => asked === 1);
  caller.reset();
  await until(() => closed === 1 && outcomes.length === 1);
  t.is(outcomes[0]?.failure, 'aborted');
});

test('an upgrade to something else than a WebSocket is served as a plain request', async (t) => {
  const { port: upstreamPort } = await startFunction(t, (req, res) => res.end(`upgrade: ${req.headers.upgrade}`));
  const { port } = await startFront(t, upstreamPort);
  const { body } = await call(port, {
    headers: { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': '' },
  });
  t.is(body, 'upgrade: undefined');
});

test('a WebSocket that agrees in time is not cut by the time limit', async (t) => {
  const { port } = await startFront(t, await startEcho(t), { upstreamTimeoutMs: 2_000 });
  const socket = new WebSocket(`ws://127.0.0.1:${port}/function/env`);
  await once(socket, 'open');
  await new Promise((done) => setTimeout(done, 2_200));
  socket.send('still there');
  const [data] = (await once(socket, 'message')) as [Buffer];
  t.is(data.toString(), 'still there');
  socket.terminate();
});

test('a handshake that is not answered is cut by the time limit with 504', async (t) => {
  const upstreamPort = await startRawFunction(t, (socket) => socket.resume());
  const { port } = await startFront(t, upstreamPort, { upstreamTimeoutMs: 100 });
  const caller = new RawCaller(t, port);
  caller.send(handshake());
  await caller.isCut();
  t.regex(caller.text, /^HTTP\/1\.1 504[^]*upstream_timeout/);
});

// Found by fuzz.test.ts: it ended the process.
test('a function that refuses the handshake and resets its connection later harms nobody', async (t) => {
  let function_: Socket | undefined;
  const upstreamPort = await startCannedFunction(
    t,
    'HTTP/1.1 403 Forbidden\r\nContent-Length: 7\r\n\r\nnot you',
    (socket) => (function_ = socket),
  );
  const { port, outcomes } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send(handshake());
  await caller.isCut();
  await until(() => outcomes.length === 1);
  t.regex(caller.text, /not you$/);
  function_?.resetAndDestroy();
  // Over the same loopback, so it comes after the reset.
  t.is((await call(port, { path: '/function/.' })).status, 404);
});

test('101 without the upgrade is no agreement', async (t) => {
  const upstreamPort = await startCannedFunction(t, 'HTTP/1.1 101 Switching Protocols\r\n\r\n');
  const { port } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send(handshake());
  await caller.isCut();
  t.regex(caller.text, /^HTTP\/1\.1 502/);
});

test('a refusal that never ends is cut by the time limit', async (t) => {
  const upstreamPort = await startCannedFunction(t, 'HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nhalf');
  const { port, outcomes } = await startFront(t, upstreamPort, { upstreamTimeoutMs: 1_500 });
  const caller = new RawCaller(t, port);
  caller.send(handshake());
  await caller.isCut();
  await until(() => outcomes.length === 1);
  t.like(outcomes[0], { status: 403, failure: 'timeout' });
});
