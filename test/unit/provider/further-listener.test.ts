/** Connections that come at another descriptor than the server's first are served as all others are, and waited for. */
import { once } from 'node:events';
import { get } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { silentLog } from '../../../src/base/log.ts';
import { serverCloser } from '../../../src/provider/close-server.ts';
import { furtherListener } from '../../../src/provider/further-listener.ts';
import type { RawHandler } from '../../../src/provider/handlers.ts';
import { createHttpServer } from '../../../src/provider/http-server.ts';
import type { KeyPair } from '../../../src/provider/key-pair.ts';
import { OwedAnswers } from '../../../src/provider/owed-answers.ts';
import { makeKeyPair } from '../../helpers/key-pair.ts';
import { until } from '../../helpers/poll.ts';
import { namingHandlers } from './with-server.ts';

async function startServer(t: ExecutionContext, handler: RawHandler, pair?: KeyPair) {
  const answering = new OwedAnswers();
  const secure = pair && { pair };
  const limits = { readTimeoutMs: 60_000, writeTimeoutMs: 60_000 };
  const server = createHttpServer(limits, { log: silentLog, handlerFor: () => handler, secure, answering });
  const further = furtherListener(server);
  for (const each of [server, further]) await once(each.listen(0, '127.0.0.1'), 'listening');
  const handlers = { ...namingHandlers(), functionProxy: handler };
  const options = {
    handlers,
    answering,
    further: [further],
    drainMs: 60_000,
    isHandedOver: true,
    onClosing() {},
    onCut() {},
  };
  const close = serverCloser([server], options);
  t.teardown(() => {
    for (const each of [server, further]) each.close();
    server.closeAllConnections();
  });
  const connections = () => new Promise<number>((resolve) => further.getConnections((_error, count) => resolve(count)));
  return { port: (further.address() as AddressInfo).port, close, connections };
}

const hello: RawHandler = { web: (_req, res) => void setImmediate(() => res.end('hello')) };
const request = 'GET /function/env HTTP/1.1\r\nHost: berth.test\r\n\r\n';

test('a caller that only ends its sending side has its answer', async (t) => {
  const { port, connections } = await startServer(t, hello);
  const caller = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  caller.end(request);
  t.regex(await text(caller), /hello$/);
  caller.destroy();
  await until(async () => (await connections()) === 0);
});

test('TLS is spoken, and nothing is left of a caller that is gone', async (t) => {
  const pair = await makeKeyPair();
  const { port, connections } = await startServer(t, hello, pair);
  const req = get({ port, host: '127.0.0.1', ca: pair.cert, servername: 'berth.test', agent: false });
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  t.is(await text(res), 'hello');
  await until(async () => (await connections()) === 0);
});

test('a server that closes takes no more callers, and waits for an answer', async (t) => {
  const answered = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const { port, close } = await startServer(t, {
    async web(_req, res) {
      asked.resolve();
      await answered.promise;
      res.end('slow');
    },
  });
  const caller = connect(port, '127.0.0.1');
  caller.write(request);
  await asked.promise;
  let isClosed = false;
  const closed = close().then(() => (isClosed = true));
  await until(async () => {
    const late = connect(port, '127.0.0.1');
    const refused = await Promise.race([
      once(late, 'connect').then(() => false),
      once(late, 'error').then(() => true),
    ]).catch(() => true);
    late.destroy();
    return refused;
  });
  t.false(isClosed);
  answered.resolve();
  t.regex(await text(caller), /slow$/);
  await closed;
});
