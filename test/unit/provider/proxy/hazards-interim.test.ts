import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../../helpers/poll.ts';
import { test } from './each-road.ts';
import { call, RawCaller, startCannedFunction, startFront, startFunction, startRawFunction } from './world.ts';

const get = 'GET /function/env HTTP/1.1\r\nHost: a\r\n\r\n';
const expecting = 'POST /function/env HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n';

test('a caller that asks before it sends is told 100 by the function, not before', async (t) => {
  let seen = '';
  let function_: Socket | undefined;
  const upstreamPort = await startRawFunction(t, (socket) => {
    function_ = socket.on('data', (data: Buffer) => (seen += data.toString('latin1')));
  });
  const { port } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send(expecting);
  await until(() => seen.includes('\r\n\r\n'));
  t.regex(seen, /\r\nexpect: 100-continue\r\n/i);
  t.is(caller.text, '');
  function_?.write('HTTP/1.1 100 Continue\r\n\r\n');
  await caller.sees('HTTP/1.1 100 Continue\r\n\r\n');
  caller.send('hello');
  await until(() => seen.endsWith('hello'));
  function_?.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  t.regex(await caller.sees('ok'), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
});

test('a caller that asks before it sends is refused by the function, and sends nothing', async (t) => {
  const upstreamPort = await startCannedFunction(t, 'HTTP/1.1 413 No\r\nContent-Length: 8\r\n\r\ntoo much');
  const { port } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send(expecting);
  const text = await caller.sees('too much');
  t.regex(text, /^HTTP\/1\.1 413 /);
  // What comes next on the connection would be taken for the body.
  t.regex(text, /\r\nconnection: close\r\n/i);
  await caller.isCut();
});

test('a function that does not know Expect gets the body from a caller that waits no longer', async (t) => {
  const { port: upstreamPort, server } = await startFunction(t, (req, res) => req.pipe(res));
  server.on('checkContinue', (req, res) => server.emit('request', req, res));
  const { port } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send(expecting);
  caller.send('hello');
  const text = await caller.sees('hello');
  t.regex(text, /^HTTP\/1\.1 200 OK/);
});

test('a caller that asks before it sends and whose function is not there is told so', async (t) => {
  const { port } = await startFront(t, 0, { resolve: () => Promise.reject(new Error('none')) });
  const caller = new RawCaller(t, port);
  caller.send(expecting);
  const text = await caller.sees('internal error');
  t.regex(text, /^HTTP\/1\.1 500 [^]*\r\nconnection: close\r\n/i);
  await caller.isCut();
});

const hinted =
  'HTTP/1.1 103 Early Hints\r\nLink: </\xe9>; rel=preload\r\nConnection: X-Inner\r\nX-Inner: 1\r\n\r\n' +
  'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

test('interim replies reach an HTTP/1.1 caller as they come', async (t) => {
  let function_: Socket | undefined;
  const upstreamPort = await startRawFunction(t, (socket) => socket.once('data', () => (function_ = socket)));
  const { port } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send(get);
  await until(() => function_);
  const [hints = '', rest = ''] = hinted.split('HTTP/1.1 102');
  function_?.write(hints, 'latin1');
  t.is(await caller.sees('preload'), 'HTTP/1.1 103 Early Hints\r\nLink: </\xe9>; rel=preload\r\n\r\n');
  function_?.write(`HTTP/1.1 102${rest}`, 'latin1');
  t.regex(await caller.sees('\r\n\r\nok'), /preload\r\n\r\nHTTP\/1\.1 102 Processing\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
});

test('interim replies do not reach an HTTP/1.0 caller, nor a 100 one that did not ask', async (t) => {
  const upstreamPort = await startCannedFunction(t, Buffer.from(`HTTP/1.1 100 Continue\r\n\r\n${hinted}`, 'latin1'));
  const { port } = await startFront(t, upstreamPort);
  const old = new RawCaller(t, port);
  old.send(get.replace('HTTP/1.1', 'HTTP/1.0'));
  t.regex(await old.sees('\r\n\r\nok'), /^HTTP\/1\.1 200 OK\r\n/);
  const caller = new RawCaller(t, (await startFront(t, upstreamPort)).port);
  caller.send(get);
  t.regex(await caller.sees('\r\n\r\nok'), /^HTTP\/1\.1 103 /);
});

for (const request of [get, get.replace('HTTP/1.1', 'HTTP/1.0')]) {
  test(`a caller that ends its sending side gets its answer: ${request.slice(18, 26)}`, async (t) => {
    const { port: upstreamPort } = await startFunction(t, (_req, res) => void sleep(300).then(() => res.end('answer')));
    const { port, outcomes } = await startFront(t, upstreamPort);
    const caller = new RawCaller(t, port);
    caller.socket.end(request);
    await caller.isCut();
    // On a slow machine it was asked whether it is there.
    t.regex(caller.text, /^(?:HTTP\/1\.1 102 Processing\r\n\r\n)*HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n/);
    t.true(caller.text.includes('answer'));
    t.is(outcomes[0]?.failure, undefined);
  });
}

test('a caller that ends its sending side gets a long answer whole, and all that it asked for', async (t) => {
  const { port: upstreamPort } = await startFunction(t, (req, res) => {
    res.write('x'.repeat(200_000));
    void sleep(300).then(() => res.end(`end of ${req.url}`));
  });
  const { port } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.socket.end(get.replace('env', 'env/1') + get.replace('env', 'env/2'));
  await caller.isCut();
  t.true(caller.text.includes('end of /1'));
  t.true(caller.text.includes('end of /2'));
});

test('no Transfer-Encoding where the status forbids a body', async (t) => {
  for (const status of [204, 304]) {
    const reply = `HTTP/1.1 ${status} X\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n`;
    const upstreamPort = await startCannedFunction(t, reply);
    const { port } = await startFront(t, upstreamPort);
    const { rawHeaders } = await call(port);
    t.true(rawHeaders.includes('X-A'));
    t.notRegex(rawHeaders.join(), /transfer-encoding/i);
  }
});

test('a request with two Host lines is refused and never reaches the function', async (t) => {
  let calls = 0;
  const { port: upstreamPort } = await startFunction(t, (_req, res) => {
    calls += 1;
    res.end('ok');
  });
  const { port } = await startFront(t, upstreamPort);
  for (const more of ['Host: b', 'host: a', 'Host: b\r\nConnection: Upgrade\r\nUpgrade: websocket']) {
    const caller = new RawCaller(t, port);
    caller.send(`GET /function/env HTTP/1.1\r\nHost: a\r\n${more}\r\n\r\n`);
    await caller.isCut();
    t.regex(caller.text, /^HTTP\/1\.1 400 /);
  }
  t.is(calls, 0);
});
