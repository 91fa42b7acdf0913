import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createProxy, test } from './each-road.ts';
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

const get = 'GET /function/env HTTP/1.1\r\nHost: a\r\n\r\n';

test('a function that is down is answered with one line that names it, as of the platform', async (t) => {
  const { port, outcomes } = await startFront(t, closedPort);
  const { status, body, headers } = await call(port);
  t.is(status, 502);
  t.is(body, "Can't reach service for: env.\n");
  t.is(headers['x-openfaas-internal'], 'proxy');
  t.is(outcomes.at(-1)?.failure, 'unreachable');
});

test('the function is told when the caller leaves before the reply', async (t) => {
  const events: string[] = [];
  const { port: upstreamPort } = await startFunction(t, (_req, res) => {
    events.push('called');
    res.once('close', () => events.push('told'));
  });
  const { port, outcomes } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send(get);
  await until(() => events.length === 1);
  caller.socket.destroy();
  await until(() => outcomes.length === 1 && events.length === 2);
  t.is(outcomes[0]?.failure, 'aborted');
});

test('the function is told when the caller leaves during the reply', async (t) => {
  let isTold = false;
  const { port: upstreamPort } = await startFunction(t, (_req, res) => {
    const timer = setInterval(() => res.write('x'.repeat(10_000)), 5);
    res.once('close', () => {
      clearInterval(timer);
      isTold = true;
    });
  });
  const { port, outcomes } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send(get);
  await caller.sees('xxx');
  caller.socket.destroy();
  await until(() => isTold);
  await until(() => outcomes.length === 1);
  t.is(outcomes[0]?.failure, 'aborted');
});

test('the function is told when the caller leaves during its upload, and never takes it for complete', async (t) => {
  const events: string[] = [];
  let isCalled = false;
  const { port: upstreamPort } = await startFunction(t, (req) => {
    isCalled = true;
    req
      .on('error', () => events.push('broken'))
      .on('end', () => events.push('complete'))
      .resume();
  });
  const { port } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send('POST /function/env HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
  await until(() => isCalled);
  caller.socket.destroy();
  await until(() => events.length > 0);
  t.deepEqual(events, ['broken']);
});

test('after 300 callers have left no connection to the function is open', async (t) => {
  const { port: upstreamPort, server } = await startFunction(t, () => {});
  const { port, outcomes } = await startFront(t, upstreamPort);
  const callers = Array.from({ length: 300 }, () => new RawCaller(t, port));
  for (const caller of callers) caller.send(get);
  const connections = () => new Promise<number>((done) => server.getConnections((_error, count) => done(count)));
  await until(async () => (await connections()) === 300);
  for (const caller of callers) caller.socket.destroy();
  await until(async () => (await connections()) === 0);
  await until(() => outcomes.length === 300);
  t.true(outcomes.every(({ failure }) => failure === 'aborted'));
});

test('the function is told when a caller leaves whose request waits behind another one', async (t) => {
  const open: string[] = [];
  const { port: upstreamPort } = await startFunction(t, (req, res) => {
    open.push(req.url ?? '');
    res.once('close', () => open.splice(open.indexOf(req.url ?? ''), 1));
  });
  const { port } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send(get.replace('env', 'env/1') + get.replace('env', 'env/2'));
  await until(() => open.length === 2);
  caller.socket.destroy();
  await until(() => open.length === 0);
  t.pass();
});

const halves: [string, string][] = [
  ['with Content-Length', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'],
  ['in a chunked reply', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
];
for (const [title, reply] of halves) {
  for (const [how, die] of [
    ['ends', (socket: Socket) => socket.end()],
    ['resets', (socket: Socket) => socket.resetAndDestroy()],
  ] as const) {
    test(`a function that ${how} mid-body ${title}: the caller is cut off`, async (t) => {
      let function_: Socket | undefined;
      const upstreamPort = await startCannedFunction(t, reply, (socket) => (function_ = socket));
      const { port, outcomes } = await startFront(t, upstreamPort);
      const caller = new RawCaller(t, port);
      caller.send(get);
      await caller.sees('half');
      if (function_) die(function_);
      await caller.isCut();
      t.notRegex(caller.text, /\r\n0\r\n/);
      await until(() => outcomes.length === 1);
      t.like(outcomes[0], { status: 200, failure: 'reset' });
    });
  }
}

test('a reply that ends with the connection is complete', async (t) => {
  const upstreamPort = await startCannedFunction(t, 'HTTP/1.1 200 OK\r\n\r\nall of it', (socket) => socket.end());
  const { port, outcomes } = await startFront(t, upstreamPort);
  t.is((await call(port)).body, 'all of it');
  t.is(outcomes[0]?.failure, undefined);
});

const broken: [string, string][] = [
  ['no answer', ''],
  ['garbage', '\x00\x01 garbage\r\n\r\n'],
  ['a bare 101', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
  ['an unasked upgrade', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
  ['both lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
  ['a coding that nobody asked for', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
  ['headers without end', `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(300_000)}`],
  ['half of its headers', 'HTTP/1.1 200 OK\r\nX-A: '],
];
for (const [title, reply] of broken) {
  test(`a function that gives ${title} and closes is answered 502`, async (t) => {
    const upstreamPort = await startCannedFunction(t, Buffer.from(reply, 'latin1'), (socket) => socket.end());
    const { port, outcomes } = await startFront(t, upstreamPort);
    t.is((await call(port, { method: 'POST' })).status, 502);
    t.true(outcomes.length === 1 && outcomes[0]?.failure !== undefined);
  });
}

for (const [how, close] of [
  ['closes', (socket: Socket) => socket.destroy()],
  ['resets', (socket: Socket) => socket.resetAndDestroy()],
] as const) {
  test(`an early answer to a large upload reaches the caller when the function ${how} with it`, async (t) => {
    const upstreamPort = await startRawFunction(t, (socket) => {
      socket.once('data', () => {
        // Reads nothing more, so that what comes is answered with a reset.
        socket.pause();
        socket.write('HTTP/1.1 401 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno', () => close(socket));
      });
    });
    const { port, outcomes } = await startFront(t, upstreamPort);
    for (let i = 0; i < 10; i++) {
      const { status, body } = await call(port, { method: 'POST', body: Buffer.alloc(4 << 20) });
      t.deepEqual([status, body], [401, 'no']);
    }
    t.true(outcomes.every(({ failure }) => failure === undefined));
  });
}

test('an early 413 reaches the caller while it still uploads', async (t) => {
  const { port: upstreamPort } = await startFunction(t, (_req, res) => res.writeHead(413).end('too much'));
  const { port } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send(`POST /function/env HTTP/1.1\r\nHost: a\r\nContent-Length: ${4 << 20}\r\n\r\n${'x'.repeat(100_000)}`);
  t.regex(await caller.sees('too much'), /HTTP\/1\.1 413/);
});

test('after an early reply the rest of the upload is not taken for the next request', async (t) => {
  const seen: (string | undefined)[] = [];
  const { port: upstreamPort } = await startFunction(t, (req, res) => {
    seen.push(req.url);
    res.end(`answer ${req.url}`);
  });
  const { port } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  const smuggled = get.replace('env', 'env/smuggled');
  const rest = smuggled.repeat(5_000);
  caller.send(`POST /function/env/1 HTTP/1.1\r\nHost: a\r\nContent-Length: ${rest.length}\r\n\r\n`);
  await caller.sees('answer /1');
  caller.send(`${rest}${get.replace('env', 'env/2')}`);
  await Promise.race([caller.sees('answer /2'), caller.isCut()]);
  t.deepEqual(seen.slice(0, 2), seen.length > 1 ? ['/1', '/2'] : ['/1']);
});

for (const method of ['POST', 'GET']) {
  test(`${method}s over kept connections that the function closes after each reply all succeed`, async (t) => {
    const { port: upstreamPort } = await startFunction(t, (req, res) => {
      req.resume();
      res.end('ok');
      // Without saying so in the reply.
      res.once('finish', () => setTimeout(() => req.socket.destroySoon(), 1));
    });
    const { port } = await startFront(t, upstreamPort);
    const caller = new RawCaller(t, port);
    const statuses: string[] = [];
    for (let i = 0; i < 200; i++) {
      caller.text = '';
      caller.send(`${method} /function/env HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx`);
      statuses.push((await caller.sees(/HTTP\/1\.1 \d+[^]*\r\n\r\n[^]/)).slice(9, 12));
      // The connection closes at any moment between this reply and the next request.
      await new Promise((done) => setTimeout(done, i % 3));
    }
    const failures = statuses.filter((status) => status !== '200').length;
    // A POST that was already on the wire must not be sent twice.
    t.true(failures <= (method === 'GET' ? 0 : 4), `${failures} failures`);
  });
}

test('a kept connection that dies with a POST on it: the POST is not sent again', async (t) => {
  let requests = 0;
  const upstreamPort = await startRawFunction(t, (socket) =>
    socket.on('data', () => {
      requests++;
      if (requests === 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      else socket.resetAndDestroy();
    }),
  );
  const { port } = await startFront(t, upstreamPort);
  t.is((await call(port, { method: 'POST', body: 'a' })).status, 200);
  t.is((await call(port, { method: 'POST', body: 'b' })).status, 502);
  t.is(requests, 2);
});

test('a kept connection that dies with a GET on it: the GET is sent again', async (t) => {
  let requests = 0;
  const upstreamPort = await startRawFunction(t, (socket) =>
    socket.on('data', () => {
      requests++;
      if (requests === 2) socket.resetAndDestroy();
      else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    }),
  );
  const { port, outcomes } = await startFront(t, upstreamPort);
  t.is((await call(port)).status, 200);
  t.is((await call(port)).status, 200);
  t.is(requests, 3);
  t.is(outcomes.length, 2);
});

test('closing forgets kept connections', async (t) => {
  const { port: upstreamPort, server } = await startFunction(t, (_req, res) => res.end());
  const closed: Promise<unknown>[] = [];
  server.on('connection', (socket) => closed.push(once(socket, 'close')));
  const proxy = createProxy(t);
  const { port } = await startFront(t, upstreamPort, { proxy });
  await call(port);
  proxy.close();
  t.is(closed.length, 1);
  await closed[0];
});
