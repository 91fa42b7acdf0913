/** Functions and callers that mean harm: none gets at another's call, nor holds up the process. */
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { until } from '../../../helpers/poll.ts';
import { test, type RoadTest } from './each-road.ts';
import { call, RawCaller, startFront, startRawFunction } from './world.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const evil = ok.replace('ok', 'no');
const get = 'GET /function/env HTTP/1.1\r\nHost: a\r\n\r\n';

/** A function that answers `ok`, and keeps the connections it was given. */
async function startKeeping(t: RoadTest, reply = ok) {
  const sockets: Socket[] = [];
  const port = await startRawFunction(t, (socket) => {
    sockets.push(socket);
    socket.on('data', () => void socket.write(reply));
  });
  return { port, sockets };
}

test('what follows a reply in its packet is nobody else’s answer', async (t) => {
  const { port: upstreamPort, sockets } = await startKeeping(t, ok + evil);
  const { port } = await startFront(t, upstreamPort);
  for (const method of ['GET', 'POST', 'GET']) t.is((await call(port, { method })).body, 'ok');
  t.is(sockets.length, 3);
});

test('what a function says on a kept connection before it is asked is nobody’s answer', async (t) => {
  const { port: upstreamPort, sockets } = await startKeeping(t);
  const { port } = await startFront(t, upstreamPort, {
    resolve() {
      // In the kernel before the call takes the connection, and not read yet.
      for (const socket of sockets) socket.write(evil);
      return Promise.resolve({ hostname: '127.0.0.1', port: upstreamPort, release: () => {} });
    },
  });
  for (let calls = 0; calls < 3; calls++) t.is((await call(port, { method: 'POST', body: 'x' })).body, 'ok');
});

test('what a function says on a kept connection that nobody uses closes it', async (t) => {
  const { port: upstreamPort, sockets } = await startKeeping(t);
  const { port } = await startFront(t, upstreamPort);
  t.is((await call(port)).body, 'ok');
  sockets[0]?.write(evil);
  await until(() => sockets[0]?.destroyed);
  t.is((await call(port)).body, 'ok');
});

test('a header that goes on for a megabyte holds nothing up', async (t) => {
  t.timeout(60_000);
  const reply = `HTTP/1.1 200 OK\r\nX-A: a\r\n${' b\r\n'.repeat(200_000)}Content-Length: 2\r\n\r\nok`;
  const { port: upstreamPort } = await startKeeping(t, reply);
  const { port } = await startFront(t, upstreamPort);
  const { status, headers } = await call(port, { maxHeaderSize: 2 << 20 });
  t.is(status, 200);
  t.regex(String(headers['x-a']), /^a( +b){200000}$/);
});

test('2 000 headers pass both ways, and a length behind them counts', async (t) => {
  const many = (last: string) => `${Array.from({ length: 2_000 }, (_, n) => `X-${n}: ${n}\r\n`).join('')}${last}`;
  let seen = '';
  const upstreamPort = await startRawFunction(t, (socket) => {
    socket.on('data', (data: Buffer) => {
      seen += data.toString('latin1');
      if (seen.endsWith('hello')) socket.write(`HTTP/1.1 200 OK\r\n${many('Content-Length: 2')}\r\n\r\nok`);
    });
  });
  const { port } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send(`POST /function/env HTTP/1.1\r\nHost: a\r\n${many('Content-Length: 5')}\r\n\r\nhello`);
  t.regex(await caller.sees(/\r\n\r\nok$/), /X-1999: 1999\r\n/);
  t.regex(seen, /x-1999: 1999\r\n[^]*content-length: 5\r\n[^]*\r\n\r\nhello$/i);
});

test('a reply in chunks of a byte is passed on without a listener for each', async (t) => {
  const warnings: string[] = [];
  const onWarning = ({ name }: Error) => void warnings.push(name);
  process.on('warning', onWarning);
  t.teardown(() => process.off('warning', onWarning));
  const chunks = '1\r\na\r\n'.repeat(300_000);
  const { port: upstreamPort } = await startKeeping(
    t,
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`,
  );
  const { port } = await startFront(t, upstreamPort);
  t.is((await call(port)).body.length, 300_000);
  t.false(warnings.includes('MaxListenersExceededWarning'));
});

test('interim replies back to back are as good as one by one', async (t) => {
  const { port: upstreamPort } = await startKeeping(t, 'HTTP/1.1 100 \r\n\r\n'.repeat(20_000) + ok);
  const { port } = await startFront(t, upstreamPort);
  t.is((await call(port)).body, 'ok');
});

test('interim replies without end do not heap up before a caller that reads nothing', async (t) => {
  const hint = `HTTP/1.1 103 Early Hints\r\nLink: <${'a'.repeat(60_000)}>\r\n\r\n`;
  const upstreamPort = await startRawFunction(t, (socket) => {
    socket.once('data', () => Readable.from([...Array<string>(400).fill(hint), ok]).pipe(socket));
  });
  const front = await startFront(t, upstreamPort);
  let most = 0;
  front.server.on('request', (_req, res) => {
    const write = res.writeInformation.bind(res);
    res.writeInformation = (status: number, headers?: unknown) => {
      write(status, headers as string[]);
      most = Math.max(most, res.writableLength);
    };
  });
  const caller = new RawCaller(t, front.port);
  caller.socket.pause();
  caller.send(get);
  await until(() => front.outcomes.length === 1, { timeoutMs: 60_000, message: '24 MB of hints' });
  t.true(most < 1 << 20, `${most} bytes wait`);
  caller.socket.resume();
  await caller.sees(/\r\n\r\nok$/);
});
