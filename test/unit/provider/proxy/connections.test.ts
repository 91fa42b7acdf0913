import { once } from 'node:events';
import { createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { Connections } from '../../../../src/provider/proxy/connections.ts';

async function startServer(): Promise<Server> {
  const server = createServer((_req, res) => res.end('ok')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function call(server: Server, agent: Connections): Promise<boolean> {
  const { port } = server.address() as AddressInfo;
  const request = get({ host: '127.0.0.1', port, agent });
  const [reply] = (await once(request, 'response')) as [NodeJS.ReadableStream];
  reply.resume();
  await once(request, 'close');
  return request.reusedSocket;
}

test('no more connections than allowed in all are kept idle', async (t) => {
  const [first, second] = await Promise.all([startServer(), startServer()]);
  const agent = new Connections({
    maxIdleConns: 1,
    maxIdleConnsPerHost: 8,
    idleConnTimeoutMs: 4000,
    connectTimeoutMs: 5000,
  });
  t.deepEqual([await call(first, agent), await call(second, agent)], [false, false]);
  t.true(await call(first, agent), 'the first server’s connection was kept');
  t.false(await call(second, agent), 'the second server’s was one too many');
  agent.destroy();
  first.close();
  second.close();
});
