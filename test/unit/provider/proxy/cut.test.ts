import { once } from 'node:events';
import { createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { WebSocket, WebSocketServer } from 'ws';
import { until } from '../../../helpers/poll.ts';
import { createProxy, test } from './each-road.ts';
import { call, startFront, startFunction } from './world.ts';

const path = '/function/env';

test('an event stream that is cut ends as whole, at the end of what came', async (t) => {
  const proxy = createProxy(t);
  const left = Promise.withResolvers<void>();
  const { port } = await startFunction(t, (_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    res.write('data: one\n\n');
    res.once('close', () => left.resolve());
  });
  const front = await startFront(t, port, { proxy });
  const [res] = (await once(request({ port: front.port, path }).end(), 'response')) as [IncomingMessage];
  await once(res, 'readable');
  t.deepEqual(proxy.cut(), { eventStreams: 1, webSockets: 0, calls: 0 });
  t.is(await text(res), 'data: one\n\n');
  t.true(res.complete);
  await left.promise;
  t.deepEqual(front.outcomes, [{ status: 200, watchdogError: undefined, failure: undefined }]);
  t.deepEqual(proxy.cut(), { eventStreams: 0, webSockets: 0, calls: 0 });
});

test('a call that is cut before its answer is told to come again', async (t) => {
  const proxy = createProxy(t);
  const began = Promise.withResolvers<void>();
  const { port } = await startFunction(t, () => began.resolve());
  const front = await startFront(t, port, { proxy });
  const reply = call(front.port, { path });
  await began.promise;
  t.deepEqual(proxy.cut(), { eventStreams: 0, webSockets: 0, calls: 1 });
  const { status, body, headers } = await reply;
  t.is(status, 503);
  t.is(body, 'env had not answered when the gateway was restarted: try again\n');
  t.is(headers['retry-after'], '1');
});

test('an answer that is cut in the middle looks broken', async (t) => {
  const proxy = createProxy(t);
  const { port } = await startFunction(t, (_req, res) => void res.write('half of '));
  const front = await startFront(t, port, { proxy });
  const [res] = (await once(request({ port: front.port, path }).end(), 'response')) as [IncomingMessage];
  await once(res, 'readable');
  t.deepEqual(proxy.cut(), { eventStreams: 0, webSockets: 0, calls: 1 });
  await t.throwsAsync(text(res), { code: 'ECONNRESET' });
});

test('a WebSocket that is cut is closed on both sides as going away, after what was sent before', async (t) => {
  const proxy = createProxy(t);
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const atFunction = Promise.withResolvers<number>();
  new WebSocketServer({ server }).on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.on('close', (code) => atFunction.resolve(code));
  });
  const front = await startFront(t, (server.address() as AddressInfo).port, { proxy });
  const socket = new WebSocket(`ws://127.0.0.1:${front.port}${path}`);
  const got: string[] = [];
  socket.on('message', (data: Buffer) => got.push(data.toString()));
  await once(socket, 'open');
  socket.send('hello');
  await until(() => got.length === 1);
  const closed = once(socket, 'close');
  t.deepEqual(proxy.cut(), { eventStreams: 0, webSockets: 1, calls: 0 });
  const [code] = (await closed) as [number];
  t.is(code, 1001);
  t.is(await atFunction.promise, 1001);
  t.deepEqual(got, ['hello']);
  await until(() => front.outcomes.length === 1);
});
