import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { createLog } from '../../../src/base/log.ts';
import { Journal } from '../../../src/logs/journal.ts';
import { until } from '../../helpers/poll.ts';

/** The bytes that a journal would be sent, a string per connection. The real one is in test/integration/logs. */
async function startSocket(socketPath: string, onConnection: (socket: Socket) => void = () => undefined) {
  const received: string[] = [];
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    const index = received.push('') - 1;
    sockets.push(socket);
    socket.on('data', (data) => (received[index] += data.toString()));
    onConnection(socket);
  });
  server.listen(socketPath);
  await once(server, 'listening');
  return {
    received,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function createJournal(options: { maxLines?: number; idleMs?: number } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'journal-'));
  const socketPath = join(folder, 'stdout');
  const reports: string[] = [];
  const journal = new Journal({ socketPath, ...options, log: createLog({ write: (line) => reports.push(line) }) });
  const dispose = async () => {
    journal.close();
    await rm(folder, { recursive: true });
  };
  return { socketPath, journal, reports, [Symbol.asyncDispose]: dispose };
}

test('each function has a connection that begins with its identifier and gives each line its priority', async (t) => {
  await using at = await createJournal();
  await using socket = await startSocket(at.socketPath);
  at.journal.send('openfaas-fn:figlet', 6, ['one', 'two']);
  at.journal.send('openfaas-fn:cows', 3, ['moo']);
  at.journal.send('openfaas-fn:figlet', 3, ['three']);
  await until(() => socket.received.join('').includes('three') && socket.received.join('').includes('moo'));
  t.deepEqual(socket.received.toSorted(), [
    'openfaas-fn:cows\n\n6\n1\n0\n0\n0\n<3>moo\n',
    'openfaas-fn:figlet\n\n6\n1\n0\n0\n0\n<6>one\n<6>two\n<3>three\n',
  ]);
});

test('a function cannot choose its priority, nor end an entry within a line', async (t) => {
  await using at = await createJournal();
  await using socket = await startSocket(at.socketPath);
  at.journal.send('dev:fn', 6, ['<0>emergency', 'a\0<0>b']);
  await until(() => socket.received[0]?.endsWith('b\n'));
  t.deepEqual(socket.received[0]?.split('\n').slice(7), ['<6><0>emergency', '<6>a\uFFFD<0>b', '']);
});

test('without a journal nothing is thrown and it is said once', async (t) => {
  await using at = await createJournal();
  at.journal.send('dev:fn', 6, ['lost']);
  await until(() => at.reports.length > 0);
  for (let line = 0; line < 10; line++) at.journal.send('dev:fn', 6, ['lost']);
  t.is(at.reports.length, 1);
});

test('when the journal has gone away and come back, lines arrive there again', async (t) => {
  await using at = await createJournal();
  {
    await using socket = await startSocket(at.socketPath);
    at.journal.send('dev:fn', 6, ['before']);
    await until(() => socket.received[0]?.includes('before'));
  }
  await using socket = await startSocket(at.socketPath);
  await until(
    () => {
      at.journal.send('dev:fn', 6, ['after']);
      return socket.received.some((received) => received.includes('<6>after\n'));
    },
    { timeoutMs: 20_000 },
  );
  t.pass();
});

test('a journal that stops reading holds nobody up, takes bounded memory, and is told what it missed', async (t) => {
  await using at = await createJournal({ maxLines: 0 });
  let stalled: Socket | undefined;
  await using socket = await startSocket(at.socketPath, (connection) => (stalled ??= connection.pause()));
  at.journal.send('dev:fn', 6, ['first']);
  await until(() => stalled);
  const before = process.memoryUsage().rss;
  for (let batch = 0; batch < 3_000; batch++) at.journal.send('dev:fn', 6, ['x'.repeat(64 * 1024)]);
  t.true(process.memoryUsage().rss - before < 100 * 1024 * 1024);
  stalled?.resume();
  await until(() => {
    at.journal.send('dev:fn', 6, ['again']);
    return socket.received[0]?.includes('<6>again\n');
  });
  t.regex(socket.received[0] ?? '', /<6>berth: 29\d\d lines left out here/);
});

test('lines that were left out are counted where the next ones go, but for a function that was forgotten', async (t) => {
  await using at = await createJournal();
  at.journal.send('dev:kept', 6, ['lost']);
  await until(() => at.reports.length > 0);
  for (const identifier of ['dev:kept', 'dev:gone']) at.journal.send(identifier, 6, ['left out', 'left out']);
  at.journal.forget('dev:gone');
  await using socket = await startSocket(at.socketPath);
  const of = (identifier: string) => socket.received.find((text) => text.startsWith(identifier)) ?? '';
  await until(() => {
    for (const identifier of ['dev:kept', 'dev:gone']) at.journal.send(identifier, 6, ['after']);
    return ['dev:kept', 'dev:gone'].every((identifier) => of(identifier).includes('<6>after'));
  });
  t.regex(of('dev:kept'), /<6>berth: \d+ lines left out here/);
  // What was sent since is counted, the two lines before are not: every failed send above was one line.
  const counts = ['dev:kept', 'dev:gone'].map((identifier) =>
    Number(/berth: (\d+) lines/.exec(of(identifier))?.[1] ?? 0),
  );
  const more = (counts[0] ?? 0) - (counts[1] ?? 0);
  // Three where the moment to connect again came between the two sends.
  t.true(more === 2 || more === 3, counts.join(' '));
});

test('one function sends no more than its share, and the lines of others pass meanwhile', async (t) => {
  await using at = await createJournal({ maxLines: 2 });
  await using socket = await startSocket(at.socketPath);
  at.journal.send('dev:loud', 6, ['one', 'two', 'three', 'four']);
  at.journal.send('dev:quiet', 6, ['heard']);
  at.journal.forget('dev:loud');
  const of = (identifier: string) => socket.received.find((text) => text.startsWith(identifier)) ?? '';
  await until(() => of('dev:loud').includes('not sent') && of('dev:quiet').includes('heard'));
  t.regex(of('dev:loud'), /<6>one\n<6>two\n<4>berth: 2 lines not sent to the journal[^\n]*\n$/);
});

test('a journal that hangs for long is not connected to again and again', async (t) => {
  await using at = await createJournal({ maxLines: 0, idleMs: 20 });
  await using socket = await startSocket(at.socketPath, (connection) => connection.pause());
  at.journal.send('dev:fn', 6, ['first']);
  await until(() => socket.received.length === 1);
  for (let batch = 0; batch < 30; batch++) at.journal.send('dev:fn', 6, ['x'.repeat(64 * 1024)]);
  const { promise, resolve } = Promise.withResolvers<void>();
  let ticks = 0;
  const timer = setInterval(() => {
    at.journal.send('dev:fn', 6, ['more']);
    if (++ticks === 20) resolve();
  }, 20);
  await promise;
  clearInterval(timer);
  t.is(socket.received.length, 1);
});

test('what waits for a journal that hangs is bounded over all functions', async (t) => {
  await using at = await createJournal({ maxLines: 0 });
  const stalled: Socket[] = [];
  await using socket = await startSocket(at.socketPath, (connection) => stalled.push(connection.pause()));
  const names = Array.from({ length: 64 }, (_, index) => `dev:fn-${index}`);
  for (const name of names) at.journal.send(name, 6, ['first']);
  await until(() => stalled.length === names.length);
  for (let batch = 0; batch < 16; batch++) for (const name of names) at.journal.send(name, 6, ['x'.repeat(64 * 1024)]);
  for (const connection of stalled) connection.resume();
  // What comes after all that waited, on each connection.
  const isTakenUp = () => {
    for (const name of names) at.journal.send(name, 6, ['again']);
    return socket.received.every((text) => text.includes('<6>again\n'));
  };
  await until(isTakenUp, { intervalMs: 100, message: 'the lines after those that waited' });
  const bytes = socket.received.reduce((sum, text) => sum + text.length, 0);
  t.true(bytes < 40 * 1024 * 1024, `${bytes} bytes of 64 MiB came`);
});
