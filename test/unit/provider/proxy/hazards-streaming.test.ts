import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { test } from './each-road.ts';
import { until } from '../../../helpers/poll.ts';
import { ask, call, connect, RawCaller, startFront, startFunction } from './world.ts';

const MiB = 1024 * 1024;
/** After this the process has the buffers that any stream takes. */
const warmUpBytes = 128 * MiB;

for (const contentType of ['text/event-stream', 'application/x-ndjson', 'application/octet-stream', undefined]) {
  test.serial(`what the function writes is with the caller before it writes on (${contentType})`, async (t) => {
    let reply: ServerResponse | undefined;
    const { port: upstreamPort } = await startFunction(t, (_req, res) => {
      if (contentType) res.setHeader('Content-Type', contentType);
      res.flushHeaders();
      reply = res;
    });
    const { port } = await startFront(t, upstreamPort);
    const caller = new RawCaller(t, port);
    caller.send('GET /function/env HTTP/1.1\r\nHost: a\r\n\r\n');
    await caller.sees('\r\n\r\n');
    for (const line of ['{"n":1}\n', 'x', 'data: 2\n\n']) {
      reply?.write(line);
      await caller.sees(line);
    }
    reply?.end();
    t.regex(await caller.sees('\r\n0\r\n\r\n'), /^HTTP\/1\.1 200/);
  });
}

test.serial(
  'what the caller writes is with the function before it writes on, and answered while it uploads',
  async (t) => {
    const { port: upstreamPort } = await startFunction(t, (req, res) => {
      res.flushHeaders();
      req.pipe(res);
    });
    const { port } = await startFront(t, upstreamPort);
    const caller = new RawCaller(t, port);
    caller.send('POST /function/env HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    await caller.sees('HTTP/1.1 200');
    for (const word of ['alpha', 'bravo', 'delta']) {
      caller.send(`5\r\n${word}\r\n`);
      await caller.sees(word);
    }
    caller.send('0\r\n\r\n');
    t.truthy(await caller.sees('\r\n0\r\n\r\n'));
  },
);

/** The same 64 KiB again and again, `bytes` in all. */
function flood(bytes: number): Readable {
  const chunk = Buffer.alloc(64 * 1024, 'b');
  let left = bytes;
  return new Readable({
    read() {
      left -= chunk.length;
      this.push(chunk);
      if (left <= 0) this.push(null);
    },
  });
}

/** The highest growth of this process, which is caller, proxy and function, while `run` runs. */
async function peakGrowthBytes(run: () => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage.rss();
  let peak = before;
  const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 20);
  await run();
  clearInterval(timer);
  return peak - before;
}

async function countBytes(stream: AsyncIterable<Buffer>): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) bytes += chunk.length;
  return bytes;
}

test.serial('1 GiB goes up with flat memory', async (t) => {
  const { port: upstreamPort } = await startFunction(t, (req, res) => {
    void countBytes(req).then((bytes) => res.end(String(bytes)));
  });
  const { port } = await startFront(t, upstreamPort);
  const sends = async (bytes: number) => {
    const req = ask({ host: '127.0.0.1', port, path: '/function/env', method: 'POST' });
    const answered = once(req, 'response');
    await pipeline(flood(bytes), req);
    const [res] = (await answered) as [IncomingMessage];
    t.is(await text(res), String(bytes));
  };
  await sends(warmUpBytes);
  const growth = await peakGrowthBytes(() => sends(1024 * MiB));
  t.true(growth < 150 * MiB, `${growth / MiB} MiB`);
});

test.serial('1 GiB comes down with flat memory', async (t) => {
  const { port: upstreamPort } = await startFunction(
    t,
    (req, res) => void pipeline(flood(Number(req.headers['x-bytes'])), res).catch(() => {}),
  );
  const { port } = await startFront(t, upstreamPort);
  const receives = async (bytes: number) => {
    const headers = { 'X-Bytes': bytes };
    const req = ask({ host: '127.0.0.1', port, path: '/function/env', headers }).end();
    const [res] = (await once(req, 'response')) as [IncomingMessage];
    t.is(await countBytes(res), bytes);
  };
  await receives(warmUpBytes);
  const growth = await peakGrowthBytes(() => receives(1024 * MiB));
  t.true(growth < 150 * MiB, `${growth / MiB} MiB`);
});

test.serial('a caller that reads nothing holds the function back instead of filling memory', async (t) => {
  let written = 0;
  const { port: upstreamPort } = await startFunction(t, (_req, res) => {
    const source = flood(256 * MiB).on('data', (chunk: Buffer) => (written += chunk.length));
    void pipeline(source, res).catch(() => {});
  });
  const { port } = await startFront(t, upstreamPort);
  const socket = connect(port).pause();
  t.teardown(() => socket.destroy());
  socket.write('GET /function/env HTTP/1.1\r\nHost: a\r\n\r\n');
  let last = -1;
  await until(
    () => {
      const stands = written > 0 && written === last;
      last = written;
      return stands;
    },
    { intervalMs: 300 },
  );
  t.true(written < 64 * MiB, `${written / MiB} MiB`);
});

test.serial('a function that reads nothing holds the caller back instead of filling memory', async (t) => {
  const { port: upstreamPort } = await startFunction(t, (req) => void req.pause());
  const { port } = await startFront(t, upstreamPort);
  const socket = connect(port).on('error', () => {});
  t.teardown(() => socket.destroy());
  socket.write(`POST /function/env HTTP/1.1\r\nHost: a\r\nContent-Length: ${256 * MiB}\r\n\r\n`);
  const source = flood(256 * MiB);
  source.pipe(socket);
  let last = -1;
  await until(
    () => {
      const stands = socket.bytesWritten === last;
      last = socket.bytesWritten;
      return stands;
    },
    { intervalMs: 300 },
  );
  t.true(socket.bytesWritten - socket.writableLength < 64 * MiB, `${socket.bytesWritten / MiB} MiB`);
});

test.serial('5 000 idle connections are held and a call is still answered', async (t) => {
  const { port: upstreamPort } = await startFunction(t, (_req, res) => res.end('ok'));
  const { port, server } = await startFront(t, upstreamPort);
  const sockets: Socket[] = [];
  t.teardown(() => sockets.forEach((socket) => socket.destroy()));
  const growth = await peakGrowthBytes(async () => {
    while (sockets.length < 5_000) {
      const batch = Array.from({ length: 100 }, () => connect(port).on('error', () => {}));
      sockets.push(...batch);
      await Promise.all(batch.map((socket) => once(socket, 'connect')));
    }
  });
  // Half of them have made a call before.
  for (let at = 0; at < 2_500; at += 100) {
    const batch = sockets.slice(at, at + 100);
    const answers = batch.map((socket) => once(socket, 'data'));
    for (const socket of batch) socket.write('GET /function/env HTTP/1.1\r\nHost: a\r\n\r\n');
    await Promise.all(answers);
  }
  t.is((await call(port)).body, 'ok');
  const connections = await new Promise<number>((done) => server.getConnections((_error, count) => done(count)));
  t.true(connections >= 5_000);
  t.true(growth < 400 * MiB, `${growth / MiB} MiB`);
});
