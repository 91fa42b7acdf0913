import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import test from 'ava';
import {
  FunctionNotFoundError,
  handlersFor,
  logsHandler,
  type LogMessage,
  type LogRequest,
} from '../../../src/index.ts';
import { memoryProvider } from './memory-provider.ts';
import { withServer } from './with-server.ts';

const line = (n: number): LogMessage => ({
  name: 'env',
  namespace: 'openfaas-fn',
  instance: 'a',
  timestamp: '2026-01-02T03:04:05.000000006Z',
  text: `line ${n}`,
});

/** A provider that has these log lines of functions that it may know no more. */
function withLogs(logs: (request: LogRequest, signal: AbortSignal) => AsyncIterable<LogMessage>) {
  return handlersFor({
    ...memoryProvider(),
    logs: (request, signal) => Promise.resolve(logs(request, signal)),
  });
}

async function openLogs(port: number, query: string): Promise<IncomingMessage> {
  const req = request({ port, host: '127.0.0.1', path: `/system/logs?name=env&${query}`, agent: false });
  req.end();
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  return res;
}

const aborted = (signal: AbortSignal) => (signal.aborted ? Promise.resolve() : once(signal, 'abort'));

async function* numbered(count: number): AsyncGenerator<LogMessage> {
  for (let n = 1; n <= count; n++) yield await Promise.resolve(line(n));
}

test('logs are one JSON object a line and end when they are all given', async (t) => {
  const requests: LogRequest[] = [];
  const handlers = withLogs((asked) => {
    requests.push(asked);
    return numbered(3);
  });
  await withServer(handlers, {}, async ({ send }) => {
    const { status, headers, body } = await send('GET', '/system/logs?name=env&follow=false&tail=3&namespace=dev');
    t.is(status, 200);
    t.is(headers['content-type'], 'application/x-ndjson');
    t.is(body, [1, 2, 3].map((n) => `${JSON.stringify(line(n))}\n`).join(''));
    t.deepEqual(requests, [{ name: 'env', namespace: 'dev', follow: false, tail: 3 }]);
  });
});

test('a table of raw handlers streams logs with the handler of the SDK', async (t) => {
  const logs = logsHandler(({ name }) => {
    if (name !== 'env') throw new FunctionNotFoundError({ name, namespace: 'openfaas-fn' });
    return Promise.resolve(numbered(2));
  });
  await withServer({ functionProxy: { web: (_req, res) => void res.end() }, logs }, {}, async ({ send }) => {
    const { headers, body } = await send('GET', '/system/logs?name=env');
    t.is(headers['content-type'], 'application/x-ndjson');
    t.is(body, [1, 2].map((n) => `${JSON.stringify(line(n))}\n`).join(''));
    t.is((await send('GET', '/system/logs?name=other')).status, 404);
    t.is((await send('GET', '/system/logs?name=env&tail=ten')).status, 422);
  });
});

test('no logs are an empty body', async (t) => {
  await withServer(
    withLogs(() => numbered(0)),
    {},
    async ({ send }) => {
      t.like(await send('GET', '/system/logs?name=env'), { status: 200, body: '' });
      t.like(await send('HEAD', '/system/logs?name=env&follow=true'), { status: 200, body: '' });
    },
  );
});

test('the kernel looks after a quiet follower, so that one that is gone is noticed and no router forgets it', async (t) => {
  const handlers = withLogs(async function* (_request, signal) {
    yield line(1);
    await aborted(signal);
  });
  await withServer(handlers, {}, async ({ port }) => {
    const res = await openLogs(port, 'follow=true');
    await once(res, 'data');
    const hex = (number = 0) => number.toString(16).toUpperCase().padStart(4, '0');
    // Timer 02 of the server's end: keep-alive, proc_net_tcp(5).
    const own = new RegExp(`:${hex(port)} \\S+:${hex(res.socket.localPort)} 01 \\S+ 02:`);
    t.regex(await readFile('/proc/net/tcp', 'utf8'), own);
    res.destroy();
  });
});

test('followed logs send headers before the first line, each line as it comes, and stop when the caller leaves', async (t) => {
  const ticks = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
  const stopped = Promise.withResolvers<void>();
  const handlers = withLogs(async function* (_request, signal) {
    try {
      for (const [n, tick] of ticks.entries()) {
        await tick.promise;
        yield line(n);
      }
      await aborted(signal);
    } finally {
      stopped.resolve();
    }
  });
  await withServer(handlers, { config: { readTimeoutMs: 1_000, writeTimeoutMs: 1_000 } }, async ({ port }) => {
    const res = await openLogs(port, 'follow=true');
    t.is(res.statusCode, 200);
    for (const [n, tick] of ticks.entries()) {
      // Longer than both timeouts, which must not cut a quiet stream.
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      tick.resolve();
      const [chunk] = (await once(res, 'data')) as [Buffer];
      t.deepEqual(JSON.parse(chunk.toString()), line(n));
    }
    res.destroy();
    await stopped.promise;
  });
});

test('a follower that asks for it is told by empty lines that its stream goes on', async (t) => {
  const handlers = withLogs(async function* (_request, signal) {
    yield line(1);
    await aborted(signal);
  });
  await withServer(handlers, {}, async ({ port, send }) => {
    const res = await openLogs(port, 'follow=true&keepalive=1');
    const chunks: string[] = [];
    for await (const chunk of res) {
      chunks.push(String(chunk));
      if (chunks.length === 3) break;
    }
    t.deepEqual(chunks, [`${JSON.stringify(line(1))}\n`, '\n', '\n']);
    for (const keepalive of ['0', '1.5', '-1', '3601', 'x'])
      t.is((await send('GET', `/system/logs?name=env&keepalive=${keepalive}`)).status, 422, keepalive);
  });
});

test('a follower whose caller reads nothing is held back, and stops when the caller leaves', async (t) => {
  let given = 0;
  const stopped = Promise.withResolvers<void>();
  const handlers = withLogs(async function* () {
    try {
      for (;;) yield await Promise.resolve({ ...line(given++), text: 'x'.repeat(100_000) });
    } finally {
      stopped.resolve();
    }
  });
  await withServer(handlers, {}, async ({ port }) => {
    const res = await openLogs(port, 'follow=true');
    res.pause();
    let before = -1;
    while (given !== before) {
      before = given;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    t.true(given < 1000, `${given} lines of 100 kB were taken ahead`);
    res.destroy();
    await stopped.promise;
  });
});

test('a follower whose caller reads nothing for longer than the write timeout is ended', async (t) => {
  const stopped = Promise.withResolvers<void>();
  const handlers = withLogs(async function* () {
    try {
      for (;;) yield await Promise.resolve({ ...line(1), text: 'x'.repeat(100_000) });
    } finally {
      stopped.resolve();
    }
  });
  await withServer(handlers, { config: { writeTimeoutMs: 200 } }, async ({ port }) => {
    const res = await openLogs(port, 'follow=true');
    res.on('error', () => {}).pause();
    await stopped.promise;
    t.false(res.complete);
    res.destroy();
  });
});

test('closing the server ends a followed log in good order', async (t) => {
  const handlers = withLogs(async function* (_request, signal) {
    yield line(1);
    await aborted(signal);
  });
  await withServer(handlers, {}, async ({ port, close }) => {
    const res = await openLogs(port, 'follow=true');
    await once(res, 'data');
    const ended = once(res.resume(), 'end');
    await close();
    await ended;
    t.true(res.complete);
  });
});

test('logs that fail half-way break the answer off, so that it does not look whole', async (t) => {
  const handlers = withLogs(async function* () {
    yield await Promise.resolve(line(1));
    throw new Error('journal is gone');
  });
  await withServer(handlers, {}, async ({ send }) => {
    await t.throwsAsync(send('GET', '/system/logs?name=env'), { code: 'ECONNRESET' });
    t.is((await send('GET', '/healthz')).status, 200);
  });
});

test('logs of an unknown function are a 404, a bad query a 422', async (t) => {
  const handlers = handlersFor({
    ...memoryProvider(),
    logs: (request) => Promise.reject(new FunctionNotFoundError(request)),
  });
  await withServer(handlers, {}, async ({ send }) => {
    t.is((await send('GET', '/system/logs?name=env')).status, 404);
    t.is((await send('GET', '/system/logs?name=env&tail=x')).status, 422);
    t.is((await send('GET', '/system/logs')).status, 400);
  });
});
