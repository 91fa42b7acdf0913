/** The unix socket that serve answers at beside its port. */
import { once } from 'node:events';
import { createServer, request, type IncomingMessage } from 'node:http';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { defaultConfig, functionProxy, serve, TrustedProxies, type FaaSHandlers } from '../../../src/index.ts';
import { makeKeyPair } from '../../helpers/key-pair.ts';
import { namingHandlers } from './with-server.ts';

const config = { ...defaultConfig, tcpPort: 0, bind: '127.0.0.1' };

async function socketIn(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'socket-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return path.join(folder, 'calls.sock');
}

async function post(to: { socketPath: string } | { port: number }, url: string, headers = {}): Promise<string> {
  const sent = request({ ...to, method: 'POST', path: url, headers, agent: false }).end();
  return text(((await once(sent, 'response')) as [IncomingMessage])[0]);
}

/** Handlers of a function that says what it was told of the caller. */
async function tellingHandlers(t: ExecutionContext): Promise<FaaSHandlers> {
  const fn = createServer(({ headers }, res) => res.end(JSON.stringify(headers))).listen(0, '127.0.0.1');
  await once(fn, 'listening');
  t.teardown(() => fn.close());
  const { port } = fn.address() as AddressInfo;
  const proxy = functionProxy(() => ({ hostname: '127.0.0.1', port, release() {} }), {
    defaultNamespace: 'openfaas-fn',
    trustedProxies: new TrustedProxies('none'),
  });
  return { functionProxy: proxy };
}

test('the same is answered at a unix socket that only its user may open, in plain also with TLS', async (t) => {
  const socketPath = await socketIn(t);
  const { files } = await makeKeyPair();
  t.teardown(() => rm(path.dirname(files.cert), { recursive: true, force: true }));
  const secure = { ...config, tlsCert: files.cert, tlsKey: files.key };
  const server = await serve(namingHandlers(), secure, { socketPath });
  t.is((await stat(socketPath)).mode & 0o777, 0o600);
  t.is(await post({ socketPath }, '/function/env/a?b'), 'functionProxy POST /function/env/a?b');
  t.is(await post({ socketPath }, '/async-function/env'), 'asyncFunction POST /async-function/env');
  await server.close();
  t.deepEqual(await readdir(path.dirname(socketPath)), []);
});

test('what is said there of where a call came from is passed on, and nothing is added', async (t) => {
  const socketPath = await socketIn(t);
  const server = await serve(await tellingHandlers(t), config, { socketPath });
  const said = { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-host': 'faas.test', 'x-forwarded-proto': 'https' };
  const told = JSON.parse(await post({ socketPath }, '/function/env', said)) as object;
  t.like(told, said);
  const bare = JSON.parse(await post({ socketPath }, '/function/env')) as Record<string, string>;
  t.is(bare['x-forwarded-for'], undefined);
  const other = JSON.parse(await post({ port: server.port }, '/function/env', said)) as Record<string, string>;
  t.is(other['x-forwarded-for'], '127.0.0.1', 'a caller at the port is not believed');
  await server.close();
});

test('closing lets what is in flight there end, and cuts it once, after drainMs', async (t) => {
  const socketPath = await socketIn(t);
  const held: (() => void)[] = [];
  let cuts = 0;
  const handlers: FaaSHandlers = {
    functionProxy: {
      web: (_req, res) => void held.push(() => res.end('late')),
      cut: () => ({ eventStreams: 0, webSockets: 0, calls: (cuts += 1) }),
    },
  };
  const server = await serve(handlers, config, { socketPath, drainMs: 60_000 });
  const answer = post({ socketPath }, '/function/env');
  while (held.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const closed = server.close();
  for (const end of held) end();
  t.is(await answer, 'late');
  await closed;
  t.is(cuts, 0);

  const hurried = await serve(handlers, config, { socketPath, drainMs: 0 });
  const cut = post({ socketPath }, '/function/env');
  while (held.length === 1) await new Promise((resolve) => setImmediate(resolve));
  await Promise.all([hurried.close(), t.throwsAsync(cut)]);
  t.is(cuts, 1);
});

test('a server that cannot have its port leaves no socket', async (t) => {
  const socketPath = await socketIn(t);
  const first = await serve(namingHandlers(), config);
  await t.throwsAsync(serve(namingHandlers(), { ...config, tcpPort: first.port }, { socketPath }), {
    code: 'EADDRINUSE',
  });
  t.deepEqual(await readdir(path.dirname(socketPath)), []);
  await first.close();
});
