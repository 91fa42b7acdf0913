import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { request } from 'node:http';
import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { Counter, Registry } from '@prometheus-io/client';
import { serveMetrics } from '../../../../src/gateway/index.ts';
import { silentLog } from '../../../../src/base/log.ts';

async function start(t: ExecutionContext, ready: () => boolean = () => true) {
  const registry = new Registry();
  new Counter({ name: 'seen_total', help: 'seen', registers: [registry] }).inc(3);
  const stopping = new AbortController();
  t.teardown(() => stopping.abort());
  const server = await serveMetrics({ port: 0, registry, ready, signal: stopping.signal, log: silentLog });
  return { url: `http://127.0.0.1:${server.port}`, server, registry, stopping };
}

test('metrics are answered without a password, in the text format', async (t) => {
  const { url } = await start(t);
  const reply = await fetch(`${url}/metrics?x=1`);
  t.is(reply.status, 200);
  t.regex(reply.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  t.regex(await reply.text(), /^seen_total 3$/m);
});

test('health follows readiness', async (t) => {
  let ready = false;
  const { url } = await start(t, () => ready);
  t.is((await fetch(`${url}/healthz`)).status, 503);
  ready = true;
  const reply = await fetch(`${url}/healthz`);
  t.deepEqual([reply.status, await reply.text()], [200, 'OK']);
});

test('nothing else is served there', async (t) => {
  const { url } = await start(t);
  for (const path of ['/', '/system/functions', '/function/env', '/metricsx']) {
    t.is((await fetch(`${url}${path}`)).status, 404);
  }
  t.is((await fetch(`${url}/metrics`, { method: 'POST', body: 'x' })).status, 405);
  const head = await fetch(`${url}/metrics`, { method: 'HEAD' });
  t.deepEqual([head.status, await head.text()], [200, '']);
});

test('a page that cannot be made is a 500, and the server goes on', async (t) => {
  const { url, registry } = await start(t);
  const collect = () => Promise.reject(new Error('no'));
  new Counter({ name: 'broken_total', help: 'broken', registers: [registry], collect });
  const reply = await fetch(`${url}/metrics`);
  t.deepEqual([reply.status, await reply.text()], [500, 'internal error\n']);
  t.is((await fetch(`${url}/healthz`)).status, 200);
});

test('a port that is taken is told with its number', async (t) => {
  const { server } = await start(t);
  const { signal } = new AbortController();
  const error = await t.throwsAsync(
    serveMetrics({ port: server.port, registry: new Registry(), ready: () => true, signal, log: silentLog }),
  );
  t.true(error?.message.includes(`127.0.0.1:${server.port}`));
});

test('a connection that cannot be accepted, as without a file descriptor left, does not end it', async (t) => {
  const { url, server } = await start(t);
  const accepted = Promise.withResolvers<Server>();
  // The one way to the listening socket of somebody else.
  const onSocket = (message: unknown) => {
    const { socket } = message as { socket: Socket & { server: Server } };
    if (socket.localPort === server.port) accepted.resolve(socket.server);
  };
  subscribe('net.server.socket', onSocket);
  t.teardown(() => unsubscribe('net.server.socket', onSocket));
  await fetch(`${url}/healthz`);
  let ended = false;
  void server.closed.finally(() => (ended = true)).catch(() => undefined);
  (await accepted.promise).emit('error', new Error('accept EMFILE'));
  t.is((await fetch(`${url}/healthz`)).status, 200);
  t.false(ended);
});

test('aborting closes it, also connections that stay open', async (t) => {
  const { server, stopping } = await start(t);
  const idle = request({
    host: '127.0.0.1',
    port: server.port,
    path: '/healthz',
    headers: { Connection: 'keep-alive' },
  });
  idle.on('error', () => {});
  idle.end();
  await once(idle, 'response');
  stopping.abort();
  await server.closed;
  await t.throwsAsync(fetch(`http://127.0.0.1:${server.port}/healthz`));
});
