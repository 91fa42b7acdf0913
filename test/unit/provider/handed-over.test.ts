/** A server on a socket that somebody else goes on listening on: its callers do not notice that it closes. */
import { once } from 'node:events';
import {
  Agent,
  createServer,
  request,
  type IncomingMessage,
  type RequestListener,
  type RequestOptions,
} from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectSecure } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { silentLog } from '../../../src/base/log.ts';
import { serverCloser } from '../../../src/provider/close-server.ts';
import { createHttpServer } from '../../../src/provider/http-server.ts';
import { OwedAnswers } from '../../../src/provider/owed-answers.ts';
import { defaultConfig } from '../../../src/index.ts';
import { makeKeyPair } from '../../helpers/key-pair.ts';
import { listeningSocket, type ListeningSocket } from '../../helpers/listening-socket.ts';
import { until } from '../../helpers/poll.ts';

const program = path.join(import.meta.dirname, 'handed-over-server.ts');

/** How many descriptors of the socket a server is given. */
const copies = 3;

interface World extends AsyncDisposable {
  socket: ListeningSocket;
  /** Starts a server that is told to drain for so long. Returns its process id once it serves. */
  serve(drainMs?: number): Promise<number>;
  ended(pid: number): Promise<void>;
  /** Calls the function, and resolves with its answer's head. */
  call(agent?: Agent, options?: RequestOptions): Promise<IncomingMessage>;
}

async function startWorld(t: ExecutionContext, listener: RequestListener): Promise<World> {
  const fn = createServer(listener).listen(0, '127.0.0.1');
  await once(fn, 'listening');
  t.teardown(() => {
    fn.closeAllConnections();
    fn.close();
  });
  const { port: functionPort } = fn.address() as AddressInfo;
  const socket = await listeningSocket({ copies });
  const pids: number[] = [];
  const isOver = (pid: number) => socket.output().includes(`${pid} is done`);
  return {
    socket,
    async serve(drainMs = 60_000) {
      const before = socket.output().split('serving on').length;
      const pid = await socket.start([process.execPath, program, String(drainMs), String(functionPort)]);
      pids.push(pid);
      await until(() => socket.output().split('serving on').length > before, {
        timeoutMs: 60_000,
        message: 'the server to serve',
      });
      return pid;
    },
    async ended(pid) {
      await until(() => isOver(pid), { timeoutMs: 30_000, message: `the end of ${pid}` });
    },
    async call(agent, options) {
      const sent = request({ port: socket.port, path: '/function/env', agent: agent ?? false, ...options }).end();
      return ((await once(sent, 'response')) as [IncomingMessage])[0];
    },
    async [Symbol.asyncDispose]() {
      for (const pid of pids) if (!isOver(pid)) process.kill(pid, 'SIGKILL');
      await socket[Symbol.asyncDispose]();
    },
  };
}

const servedBy = ({ headers }: IncomingMessage) => Number(headers['x-served-by']);

test('a server adopts a socket that listens, and callers wait in it while none serves', async (t) => {
  await using world = await startWorld(t, (_req, res) => res.end('hello'));
  const early = world.call();
  const first = await world.serve();
  t.is(servedBy(await early), first);
  t.true(world.socket.output().includes(`serving on ${world.socket.port}\n`));
  process.kill(first, 'SIGTERM');
  await world.ended(first);
  const between = world.call();
  const second = await world.serve();
  t.is(servedBy(await between), second);
});

test('as many connections are accepted in a turn of the event loop as there are descriptors', async (t) => {
  await using world = await startWorld(t, (_req, res) => res.end('hello'));
  const pid = await world.serve();
  process.kill(pid, 'SIGSTOP');
  const many = 4 * copies;
  const callers = Array.from({ length: many }, () => connect(world.socket.port, '127.0.0.1'));
  await Promise.all(callers.map((caller) => once(caller, 'connect')));
  process.kill(pid, 'SIGCONT');
  const turns = () =>
    [...world.socket.output().matchAll(/accepted (\d+) in a turn/g)].map(([, count]) => Number(count));
  await until(() => turns().reduce((sum, count) => sum + count, 0) === many);
  for (const caller of callers) caller.destroy();
  t.deepEqual(turns(), [copies, copies, copies, copies]);
});

test('what is in flight ends at the server that took it, while the next one serves', async (t) => {
  const release = Promise.withResolvers<void>();
  const began = Promise.withResolvers<void>();
  let calls = 0;
  await using world = await startWorld(t, (_req, res) => {
    if (++calls > 1) return void res.end('quick');
    began.resolve();
    void release.promise.then(() => res.end('slow'));
  });
  const first = await world.serve();
  const slow = world.call();
  await began.promise;
  const second = await world.serve();
  process.kill(first, 'SIGTERM');
  await until(async () => servedBy(await world.call()) === second);
  release.resolve();
  const reply = await slow;
  t.is(servedBy(reply), first);
  t.is(await text(reply), 'slow');
  await world.ended(first);
});

test('a caller that keeps its connection is answered on it once more, and then goes to the next server', async (t) => {
  await using world = await startWorld(t, (_req, res) => res.end('hello'));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const first = await world.serve();
  const call = async () => {
    const reply = await world.call(agent);
    await text(reply);
    return reply;
  };
  t.is((await call()).headers.connection, 'keep-alive');
  const second = await world.serve();
  process.kill(first, 'SIGTERM');
  await until(async () => servedBy(await world.call()) === second);
  const last = await call();
  t.is(servedBy(last), first);
  t.is(last.headers.connection, 'close');
  t.is(servedBy(await call()), second);
  await world.ended(first);
});

test('an asynchronous call on a connection that is left goes to the next server, whose queue it is', async (t) => {
  await using world = await startWorld(t, (_req, res) => res.end('hello'));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const post = async () => {
    const reply = await world.call(agent, { method: 'POST', path: '/async-function/env' });
    await text(reply);
    return servedBy(reply);
  };
  const first = await world.serve();
  t.is(await post(), first);
  const second = await world.serve();
  process.kill(first, 'SIGTERM');
  await until(async () => servedBy(await world.call()) === second);
  t.is(await post(), second);
});

test('a connection that idles does not hold a server that was handed over', async (t) => {
  await using world = await startWorld(t, (_req, res) => res.end('hello'));
  const agent = new Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  const first = await world.serve();
  t.is(await text(await world.call(agent)), 'hello');
  process.kill(first, 'SIGTERM');
  await world.ended(first);
});

test('an event stream that outlasts the drain ends as whole, and is counted in the log', async (t) => {
  await using world = await startWorld(t, (_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    res.write('data: one\n\n');
  });
  const first = await world.serve(200);
  const reply = await world.call();
  process.kill(first, 'SIGTERM');
  t.is(await text(reply), 'data: one\n\n');
  t.true(reply.complete);
  await world.ended(first);
  t.regex(world.socket.output(), /what was still in flight is ended afterMs=200 eventStreams=1 webSockets=0 calls=0/);
});

test('a caller that ends its handshake only after the handover is answered', async (t) => {
  const pair = await makeKeyPair();
  const answering = new OwedAnswers();
  const web: RequestListener = (_req, res) => res.end('hello');
  const handlers = { functionProxy: { web } };
  const server = createHttpServer(defaultConfig, {
    log: silentLog,
    handlerFor: () => ({ web }),
    secure: { pair },
    answering,
  });
  const left = Promise.withResolvers<void>();
  const close = serverCloser([server], {
    ...{ handlers, answering, drainMs: 60_000, isHandedOver: true },
    onClosing: left.resolve,
    onCut: () => t.fail(),
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const plain = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await Promise.all([once(server, 'connection'), once(plain, 'connect')]);
  // So that this process is older than a connection may idle.
  await sleep(Math.max(0, 5500 - performance.now()));
  const closed = close();
  await left.promise;

  const socket = connectSecure({ socket: plain, ca: pair.cert, servername: 'berth.test' });
  await once(socket, 'secureConnect');
  // For some looks at who idles.
  await sleep(200);
  socket.write('GET / HTTP/1.1\r\nHost: berth.test\r\n\r\n');
  t.regex(await text(socket), /^HTTP\/1\.1 200 [^]*\r\nhello/);
  await closed;
});
