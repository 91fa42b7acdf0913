import type { ServerResponse } from 'node:http';
import { test } from './each-road.ts';
import { until } from '../../../helpers/poll.ts';
import { call, closedPort, RawCaller, startFront, startFunction } from './world.ts';

const get = 'GET /function/env HTTP/1.1\r\nHost: a\r\n\r\n';

test('over the time limit the caller is told which, and the function too', async (t) => {
  let isTold = false;
  const { port: upstreamPort } = await startFunction(t, (_req, res) => res.once('close', () => (isTold = true)));
  // Enough for the call to be there on a busy machine: a function that it has not reached is not told.
  const { port, outcomes } = await startFront(t, upstreamPort, { upstreamTimeoutMs: 2_000 });
  const { status, body } = await call(port);
  t.is(status, 504);
  t.regex(body, /upstream_timeout/);
  await until(() => isTold);
  t.deepEqual(outcomes, [{ status: undefined, watchdogError: undefined, failure: 'timeout' }]);
});

test('over the time limit in the middle of a reply the caller is cut off, an event stream is not', async (t) => {
  const replies: ServerResponse[] = [];
  const { port: upstreamPort } = await startFunction(t, (req, res) => {
    replies.push(res);
    res.writeHead(200, { 'Content-Type': req.url === '/events' ? 'text/event-stream' : 'text/plain' });
    res.write('data: 1\n\n');
  });
  const { port } = await startFront(t, upstreamPort, { upstreamTimeoutMs: 1_500 });
  const plain = new RawCaller(t, port);
  const events = new RawCaller(t, port);
  plain.send(get);
  events.send(get.replace('env', 'env/events'));
  await Promise.all([plain.sees('data: 1'), events.sees('data: 1')]);
  await plain.isCut();
  await new Promise((done) => setTimeout(done, 300));
  for (const reply of replies) reply.write('data: 2\n\n');
  await events.sees('data: 2');
  t.notRegex(plain.text, /data: 2/);
});

test('a caller that sends its headers too slowly is cut off', async (t) => {
  const { port } = await startFront(t, closedPort, { readTimeoutMs: 200 });
  const caller = new RawCaller(t, port);
  caller.send('GET /function/env HTTP/1.1\r\nHo');
  await caller.isCut();
  t.regex(caller.text, /^HTTP\/1\.1 408/);
});

test('a caller that stands still in its body is cut off and the function told', async (t) => {
  const broken: unknown[] = [];
  const { port: upstreamPort } = await startFunction(
    t,
    (req) => void req.on('error', (error) => broken.push(error)).resume(),
  );
  const { port, outcomes } = await startFront(t, upstreamPort, { readTimeoutMs: 2_000 });
  const caller = new RawCaller(t, port);
  caller.send('POST /function/env HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc');
  await caller.isCut();
  caller.socket.destroy();
  await until(() => broken.length === 1);
  await until(() => outcomes.length === 1);
  t.is(outcomes[0]?.failure, 'aborted');
});
