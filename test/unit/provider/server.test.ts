import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { defaultConfig, type FaaSHandlers, readConfig, serve } from '../../../src/index.ts';
import { until } from '../../helpers/poll.ts';
import { namingHandlers, withServer } from './with-server.ts';

/** Everything the server says on a bare connection until it closes. */
async function saidTo(socket: Socket, sent: string): Promise<string> {
  socket.write(sent);
  return text(socket).catch(() => '');
}

/** Holds this process until a request waits at a port, which nobody here sees. */
function blockUntilAsked(port: number): void {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  // Local and remote address, state 01 (connected), bytes not sent, bytes not read.
  const unread = new RegExp(`${local} \\S+ 01 \\w{8}:(?!0{8})`);
  for (let times = 0; times < 1500; times++) {
    if (unread.test(readFileSync('/proc/net/tcp', 'latin1'))) return;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  }
  throw new Error('no request came within 30 s');
}

const withProxy = (web: FaaSHandlers['functionProxy']['web']): FaaSHandlers => ({
  ...namingHandlers(),
  functionProxy: { web },
});

const refusals: [what: string, sent: string, status: RegExp, readTimeoutMs?: number][] = [
  ['a request that is not HTTP', 'hello\r\n\r\n', /^HTTP\/1\.1 400 Bad Request\r\n.*\r\n\r\nBad Request\n$/s],
  ['a request without Host', 'GET /healthz HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400 /],
  [
    'a request with two lengths',
    'POST /function/env HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    /^HTTP\/1\.1 400 /,
  ],
  [
    'headers of more than 128 KiB',
    `GET /healthz HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(140_000)}\r\n\r\n`,
    /^HTTP\/1\.1 431 .*\r\n\r\nRequest Header Fields Too Large\n$/s,
  ],
  [
    'headers that never end',
    'GET /healthz HTTP/1.1\r\nHost: a\r\n',
    /^HTTP\/1\.1 408 .*\r\n\r\nRequest Timeout\n$/s,
    300,
  ],
  [
    'a body that stops',
    'POST /system/functions HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{',
    /^HTTP\/1\.1 408 /,
    300,
  ],
];
for (const [what, sent, status, readTimeoutMs = 60_000] of refusals) {
  test(`${what} is refused in one line, and the connection closed`, async (t) => {
    await withServer(namingHandlers(), { config: { readTimeoutMs } }, async ({ connect }) => {
      t.regex(await saidTo(connect(), sent), status);
    });
  });
}

test('headers of 100 KiB are taken', async (t) => {
  await withServer(namingHandlers(), {}, async ({ send }) => {
    t.is((await send('GET', '/function/env', undefined, { 'X-Long': 'x'.repeat(100_000) })).status, 200);
  });
});

test('a connection is kept for as long as is configured, which may outlast a load balancer', async (t) => {
  for (const [env, kept] of [
    [{}, 'timeout=95'],
    [{ keep_alive_timeout: '620s' }, 'timeout=620'],
  ] as const) {
    const { keepAliveTimeoutMs } = readConfig(env);
    await withServer(namingHandlers(), { config: { keepAliveTimeoutMs } }, async ({ connect }) => {
      const socket = connect();
      socket.write('GET /function/env HTTP/1.1\r\nHost: a\r\n\r\n');
      const [answer] = (await once(socket, 'data')) as [Buffer];
      t.regex(answer.toString(), new RegExp(`\r\nKeep-Alive: ${kept}\r\n`));
      socket.destroy();
    });
  }
});

test('a request in absolute form reaches the function, and the password is asked for all the same', async (t) => {
  await withServer(namingHandlers(), {}, async ({ connect }) => {
    const sent = 'GET HTTP://example.com/function/env?a=%2F HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
    t.regex(await saidTo(connect(), sent), /functionProxy GET \/function\/env\?a=%2F/);
    t.regex(
      await saidTo(connect(), 'GET http://example.com HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'),
      /^HTTP\/1\.1 404 /,
    );
  });
});

test('a body that comes slowly but steadily is not cut by the read timeout', async (t) => {
  const handlers = withProxy(async (req, res) => void res.end(await text(req)));
  await withServer(handlers, { config: { readTimeoutMs: 3_000 } }, async ({ port }) => {
    const req = request({ port, host: '127.0.0.1', method: 'POST', path: '/function/env', agent: false });
    const responded = once(req, 'response') as Promise<[IncomingMessage]>;
    for (let n = 0; n < 12; n++) {
      req.write('.');
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    req.end();
    const [res] = await responded;
    t.is(await text(res), '.'.repeat(12));
  });
});

test('an answer that is quiet for longer than both timeouts is not cut', async (t) => {
  const handlers = withProxy((_req, res) => {
    res.write('first,');
    setTimeout(() => res.end('last'), 2_500);
  });
  await withServer(handlers, { config: { readTimeoutMs: 1_000, writeTimeoutMs: 1_000 } }, async ({ send }) => {
    t.is((await send('POST', '/function/env', 'body')).body, 'first,last');
  });
});

test('a function that reads late does not make its caller look idle', async (t) => {
  const handlers = withProxy((req, res) => {
    setTimeout(() => void text(req).then((body) => res.end(String(body.length))), 2_500);
  });
  await withServer(handlers, { config: { readTimeoutMs: 1_000, writeTimeoutMs: 1_000 } }, async ({ send }) => {
    t.is((await send('POST', '/function/env', 'x'.repeat(5_000_000))).body, '5000000');
  });
});

test('a caller that takes nothing of its answer is cut by the write timeout', async (t) => {
  const closed = Promise.withResolvers<void>();
  const handlers = withProxy((_req, res) => {
    res.once('close', () => closed.resolve());
    res.write(Buffer.alloc(50_000_000));
  });
  await withServer(handlers, { config: { writeTimeoutMs: 200 } }, async ({ connect }) => {
    const socket = connect();
    socket.on('error', () => {});
    socket.pause();
    socket.write('GET /function/env HTTP/1.1\r\nHost: a\r\n\r\n');
    await closed.promise;
    socket.destroy();
    t.pass();
  });
});

test('a raw handler that throws or rejects answers 500 and the server lives on', async (t) => {
  const handlers = withProxy((req, res) => {
    if (req.url?.endsWith('/late')) res.write('some');
    if (req.url?.endsWith('/now')) throw new Error('now');
    return Promise.reject(new Error('later'));
  });
  await withServer(handlers, {}, async ({ send }) => {
    t.like(await send('GET', '/function/env/now'), { status: 500, body: 'internal error\n' });
    t.like(await send('GET', '/function/env'), { status: 500, body: 'internal error\n' });
    await t.throwsAsync(send('GET', '/function/env/late'), { code: 'ECONNRESET' });
    t.is((await send('GET', '/healthz')).status, 200);
  });
});

test('a WebSocket handshake goes to the upgrade of the proxy with its first bytes', async (t) => {
  const handlers: FaaSHandlers = {
    functionProxy: {
      web: (_req, res) => void res.end('web'),
      upgrade: (req, socket, head) =>
        void socket.end(`HTTP/1.1 101 Switching Protocols\r\n\r\n${req.url} ${String(head)}`),
    },
  };
  const handshake = (path: string, protocol: string) =>
    `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: ${protocol}\r\n\r\n`;
  await withServer(handlers, {}, async ({ connect }) => {
    t.regex(
      await saidTo(connect(), `${handshake('/function/env/ws', 'WebSocket')}hello`),
      /^HTTP\/1\.1 101 .*\/function\/env\/ws hello$/s,
    );
    t.regex(await saidTo(connect(), handshake('/function/env', 'h2c')), /^HTTP\/1\.1 200 .*web/s);
    t.regex(await saidTo(connect(), handshake('/system/info', 'websocket')), /^HTTP\/1\.1 501 /);
  });
});

test('an upgrade that fails closes its connection, and the server lives on', async (t) => {
  const handlers: FaaSHandlers = {
    ...namingHandlers(),
    functionProxy: { web: () => {}, upgrade: () => Promise.reject(new Error('no')) },
  };
  await withServer(handlers, {}, async ({ connect, send }) => {
    const sent = 'GET /function/env HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    t.is(await saidTo(connect(), sent), '');
    t.is((await send('GET', '/healthz')).status, 200);
  });
});

test('closing lets what is in flight end, takes nothing new and leaves no connection', async (t) => {
  const started = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  let proxyClosed = 0;
  const handlers: FaaSHandlers = {
    functionProxy: {
      async web(_req, res) {
        started.resolve();
        await release.promise;
        res.end('done');
      },
      close: () => void proxyClosed++,
    },
  };
  const abort = new AbortController();
  const server = await serve(
    handlers,
    { ...defaultConfig, tcpPort: 0, bind: '127.0.0.1' },
    { signal: abort.signal, drainMs: 3_600_000 },
  );
  // Its connection would be kept alive, and so keep the server open.
  const reply = fetch(`http://127.0.0.1:${server.port}/function/env`);
  await started.promise;
  abort.abort();
  const isRefused = () =>
    fetch(`http://127.0.0.1:${server.port}/healthz`).then(
      () => false,
      () => true,
    );
  await until(isRefused, { message: 'a new connection to be refused' });
  t.is(proxyClosed, 0);
  release.resolve();
  t.is(await (await reply).text(), 'done');
  await server.closed;
  await server.close();
  t.is(proxyClosed, 1);
});

test('closing cuts after drainMs what does not end, WebSockets too', async (t) => {
  const started = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
  const handlers: FaaSHandlers = {
    functionProxy: {
      web: (_req, res) => {
        res.write('stuck');
        started[0].resolve();
      },
      upgrade: (_req, socket) => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
        started[1].resolve();
      },
    },
  };
  await withServer(handlers, { options: { drainMs: 100 } }, async ({ connect, close }) => {
    const stuck = saidTo(connect(), 'GET /function/env HTTP/1.1\r\nHost: a\r\n\r\n');
    const upgraded = saidTo(
      connect(),
      'GET /function/env HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
    await Promise.all(started.map(({ promise }) => promise));
    await close();
    await Promise.all([stuck, upgraded]);
    t.pass();
  });
});

test('a request that came while the process was busy is answered though the server closes next', async (t) => {
  await withServer(namingHandlers(), {}, async ({ port, close }) => {
    const lines = `exec 3<>/dev/tcp/127.0.0.1/${port}; printf 'GET /healthz HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n' >&3; head -1 <&3`;
    const caller = spawn('bash', ['-c', lines], { stdio: ['ignore', 'pipe', 'ignore'] });
    blockUntilAsked(port);
    const closed = close();
    t.regex(await text(caller.stdout), /^HTTP\/1\.1 200 /);
    await closed;
  });
});

test('a signal that aborted before closes the server at once', async (t) => {
  const server = await serve(
    namingHandlers(),
    { ...defaultConfig, tcpPort: 0, bind: '127.0.0.1' },
    { signal: AbortSignal.abort() },
  );
  await server.closed;
  t.pass();
});
