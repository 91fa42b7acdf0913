import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { test } from './each-road.ts';
import { silentLog } from '../../../../src/base/log.ts';
import {
  type CallOutcome,
  type Endpoint,
  FunctionNotFoundError,
  NoEndpointsError,
  TooManyRequestsError,
} from '../../../../src/provider/index.ts';
import type { Resolve, RoadName } from '../../../../src/provider/proxy/index.ts';
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

/** Gives these ports in turn, the last for ever, and keeps what each endpoint was told. */
function resolveTo(ports: number[], readySinceMs?: number) {
  const outcomes: CallOutcome[] = [];
  let resolved = 0;
  const resolve: Resolve = () => {
    const port = ports[Math.min(resolved, ports.length - 1)] ?? 0;
    resolved++;
    const endpoint: Endpoint = { hostname: '127.0.0.1', port, readySinceMs, release: (o) => void outcomes.push(o) };
    return Promise.resolve(endpoint);
  };
  return { resolve, outcomes, resolvedTimes: () => resolved };
}

const typed: [reply: string, sent: Record<string, string>, type: string | undefined][] = [
  ['200 OK\r\nContent-Type: text/css', { 'Content-Type': 'application/json' }, 'text/css'],
  ['200 OK', { 'Content-Type': 'application/json' }, 'application/json'],
  ['200 OK', {}, 'text/plain'],
  ['204 No Content', {}, undefined],
  ['304 Not Modified', {}, undefined],
];
for (const [head, headers, type] of typed) {
  const [status] = head.split('\r\n');
  test(`a reply ${JSON.stringify(head)} to ${JSON.stringify(headers)} is of type ${type}`, async (t) => {
    const function_ = await startCannedFunction(t, `HTTP/1.1 ${head}\r\nContent-Length: 0\r\n\r\n`);
    const { port } = await startFront(t, function_);
    const reply = await call(port, { headers });
    t.is(reply.status, parseInt(status ?? ''));
    t.is(reply.headers['content-type'], type);
  });
}

const challenges: [said: string, passed: string][] = [
  ['Basic realm="Restricted"', 'Basic realm="Function"'],
  ['Basic realm=Restricted, charset="UTF-8"', 'Basic realm=Function, charset="UTF-8"'],
  ['Basic realm="Re\\s\\tricted"', 'Basic realm="Function"'],
  ['Basic realm="my \\"app\\""', 'Basic realm="my \\"app\\""'],
  ['Bearer realm="IAM function invoke"', 'Bearer realm="IAM function invoke"'],
];
for (const [said, passed] of challenges) {
  test(`a function's challenge ${said} is ${said === passed ? 'its own' : "not that of the API's password"}`, async (t) => {
    const head = `401 Unauthorized\r\nWWW-Authenticate: ${said}`;
    const function_ = await startCannedFunction(t, `HTTP/1.1 ${head}\r\nContent-Length: 0\r\n\r\n`);
    const { port } = await startFront(t, function_);
    t.is((await call(port)).headers['www-authenticate'], passed);
  });
}

test("a function's page is not let stand before what browsers open elsewhere on our origin", async (t) => {
  const head = '200 OK\r\nService-worker-ALLOWED: /\r\nService-Worker: x';
  const function_ = await startCannedFunction(t, `HTTP/1.1 ${head}\r\nContent-Length: 0\r\n\r\n`);
  const { port } = await startFront(t, function_);
  const { headers } = await call(port);
  t.is(headers['service-worker-allowed'], undefined);
  t.is(headers['service-worker'], 'x');
});

const rejections: [Error, number, RegExp][] = [
  [new FunctionNotFoundError({ name: 'env', namespace: 'dev' }), 404, /^function env\.dev not found\n$/],
  [new NoEndpointsError({ name: 'env' }), 503, /^No endpoints available for: env\.\n$/],
  [new TooManyRequestsError('env is at max_inflight', 3), 429, /^env is at max_inflight\n$/],
  [new Error('secret inner words'), 500, /^internal error/],
];
for (const [error, status, line] of rejections) {
  test(`resolve throwing ${error.name} is answered ${status} in one line`, async (t) => {
    const { port } = await startFront(t, 0, { resolve: () => Promise.reject(error) });
    const reply = await call(port, { method: 'POST', body: 'x'.repeat(100_000) });
    t.is(reply.status, status);
    t.regex(reply.body, line);
    t.regex(reply.headers['content-type'] ?? '', /^text\/plain/);
    t.is(reply.headers['x-openfaas-internal'], status === 404 ? undefined : 'proxy');
    t.is(reply.headers['retry-after'], status === 429 ? '3' : undefined);
    t.notRegex(reply.body, /secret/);
  });
}

test('what resolve throws by surprise is logged with its function', async (t) => {
  const lines: unknown[] = [];
  const log = { ...silentLog, error: (...line: unknown[]) => void lines.push(line) };
  const error = new Error('surprise');
  const { port } = await startFront(t, 0, { log, resolve: () => Promise.reject(error) });
  await call(port);
  t.deepEqual(lines, [['call failed', { function: 'env.openfaas-fn', error }]]);
});

test('resolve is asked for the name, the namespace and the wait', async (t) => {
  const asked: unknown[] = [];
  const resolve: Resolve = (name, { waitMs }) => {
    asked.push({ ...name, waitMs });
    return Promise.reject(new NoEndpointsError(name));
  };
  const { port } = await startFront(t, 0, { resolve, resolveWaitMs: 70 });
  await call(port, { path: '/function/env.dev/a.b' });
  await call(port, { path: '/function/env' });
  t.deepEqual(asked, [
    { name: 'env', namespace: 'dev', waitMs: 70 },
    { name: 'env', namespace: 'openfaas-fn', waitMs: 70 },
  ]);
});

test('the signal given to resolve aborts when the caller leaves, and an endpoint that comes later is given back', async (t) => {
  const outcomes: CallOutcome[] = [];
  let isAborted = false;
  const resolve: Resolve = (_name, { signal }) =>
    new Promise((done) => {
      signal?.addEventListener('abort', () => {
        isAborted = true;
        done({ hostname: '127.0.0.1', port: 1, release: (o) => void outcomes.push(o) });
      });
    });
  let isAsked = false;
  const { port } = await startFront(t, 0, {
    resolve: (...args) => {
      isAsked = true;
      return resolve(...args);
    },
  });
  const caller = new RawCaller(t, port);
  caller.send('GET /function/env HTTP/1.1\r\nHost: a\r\n\r\n');
  await until(() => isAsked);
  caller.socket.destroy();
  await until(() => outcomes.length === 1);
  t.true(isAborted);
  t.is(outcomes[0]?.failure, 'aborted');
});

for (const size of [0, 10, 5_000_000]) {
  test(`a POST of ${size} bytes to an endpoint that is gone goes to another one`, async (t) => {
    const { port: alive } = await startFunction(t, (req, res) => {
      let bytes = 0;
      req.on('data', (chunk: Buffer) => (bytes += chunk.length)).on('end', () => res.end(String(bytes)));
    });
    const { resolve, outcomes } = resolveTo([closedPort, alive]);
    const { port } = await startFront(t, 0, { resolve });
    const { status, body } = await call(port, { method: 'POST', body: 'x'.repeat(size) });
    t.is(status, 200);
    t.is(body, String(size));
    t.deepEqual(
      outcomes.map(({ failure }) => failure),
      ['unreachable', undefined],
    );
  });
}

test('two more endpoints are tried, not more', async (t) => {
  const { resolve, outcomes, resolvedTimes } = resolveTo([closedPort]);
  const { port } = await startFront(t, 0, { resolve });
  t.is((await call(port)).status, 502);
  t.is(resolvedTimes(), 3);
  t.is(outcomes.length, 3);
});

test('a function whose only endpoint is gone cannot be reached, though by then it has none any more', async (t) => {
  const gone = { hostname: '127.0.0.1', port: closedPort, release: () => {} };
  let endpoints: Endpoint[] = [gone];
  const resolve: Resolve = async (name) => {
    const [endpoint] = endpoints;
    if (!endpoint) throw new NoEndpointsError(name);
    endpoints = [];
    return Promise.resolve(endpoint);
  };
  const { port } = await startFront(t, 0, { resolve, unreachableStatus: undefined });
  const { status, body } = await call(port);
  t.is(body, "Can't reach service for: env.\n");
  t.is(status, 500);
});

async function startDying(t: ExecutionContext) {
  let requests = 0;
  const port = await startRawFunction(t, (socket) =>
    socket.once('data', () => {
      requests++;
      socket.resetAndDestroy();
    }),
  );
  return { port, requests: () => requests };
}

test('a POST that reached a function which died is not sent again', async (t) => {
  const dying = await startDying(t);
  const { port } = await startFront(t, dying.port);
  const { status, headers } = await call(port, { method: 'POST', body: 'x' });
  t.is(status, 502);
  t.is(headers['x-openfaas-internal'], 'proxy');
  t.is(dying.requests(), 1);
});

test('a PUT that reached a function which died goes to another one with its body', async (t) => {
  const dying = await startDying(t);
  const { port: alive } = await startFunction(t, (req, res) => req.pipe(res));
  const { resolve } = resolveTo([dying.port, alive]);
  const { port } = await startFront(t, 0, { resolve });
  t.is((await call(port, { method: 'PUT', body: 'the body' })).body, 'the body');
});

test('a GET that two processes did not survive is not given to a third', async (t) => {
  const dying = await startDying(t);
  const { port, outcomes } = await startFront(t, dying.port);
  t.is((await call(port)).status, 502);
  t.is(dying.requests(), 2);
  t.is(outcomes.length, 2);
});

test('the SDK by itself says 500 for a function that cannot be reached', async (t) => {
  const { port } = await startFront(t, closedPort, { unreachableStatus: undefined });
  const { status, body } = await call(port);
  t.is(status, 500);
  t.is(body, "Can't reach service for: env.\n");
});

/** A watchdog whose process is there from the n-th call on. */
async function startLateProcess(t: ExecutionContext, readyAt: number, status = 500) {
  let calls = 0;
  const { port } = await startFunction(t, (req, res) => {
    calls++;
    if (calls >= readyAt) return void req.pipe(res);
    req.resume().once('end', () => res.writeHead(status, { 'X-OpenFaaS-Internal': 'of-watchdog' }).end());
  });
  return { port, calls: () => calls };
}

for (const [method, status, body] of [
  ['GET', 500, undefined],
  ['PUT', 502, 'the body'],
  ['POST', 503, undefined],
  ['POST', 503, 'the body'],
] as const) {
  test(`a ${method} with ${body ?? 'nothing'} waits until the process of a fresh replica is there (${status})`, async (t) => {
    const { port: upstreamPort } = await startLateProcess(t, 4, status);
    const { port, outcomes } = await startFront(t, upstreamPort, { readySinceMs: performance.now() });
    const reply = await call(port, { method, body });
    t.is(reply.status, 200);
    t.is(reply.body, body ?? '');
    t.deepEqual(outcomes, [{ status: 200, watchdogError: false, failure: undefined }]);
  });
}

for (const status of [500, 502]) {
  test(`a POST that the process of a fresh replica may have taken is not sent again (${status})`, async (t) => {
    const watchdog = await startLateProcess(t, 2, status);
    const { port, outcomes } = await startFront(t, watchdog.port, { readySinceMs: performance.now() });
    t.is((await call(port, { method: 'POST', body: 'once' })).status, status);
    t.is(watchdog.calls(), 1);
    t.deepEqual(outcomes, [{ status, watchdogError: true, failure: undefined }]);
  });
}

test("the watchdog's answer is passed on when the body was too long to keep", async (t) => {
  const { port: upstreamPort } = await startLateProcess(t, 2);
  const { port, outcomes } = await startFront(t, upstreamPort, { readySinceMs: performance.now() });
  t.is((await call(port, { method: 'POST', body: 'x'.repeat(70_000) })).status, 500);
  t.deepEqual(outcomes, [{ status: 500, watchdogError: true, failure: undefined }]);
});

test("the watchdog's answer is passed on when the replica is not fresh", async (t) => {
  const { port: upstreamPort } = await startLateProcess(t, 2);
  const { port, outcomes } = await startFront(t, upstreamPort, { readySinceMs: performance.now() - 60_000 });
  t.is((await call(port)).status, 500);
  t.deepEqual(outcomes, [{ status: 500, watchdogError: true, failure: undefined }]);
});

test("the watchdog's answer is passed on when the replica's first seconds are over", async (t) => {
  const { port: upstreamPort } = await startLateProcess(t, Infinity);
  const { port, outcomes } = await startFront(t, upstreamPort, {
    readySinceMs: performance.now(),
    notReadyRetryMs: 200,
  });
  t.is((await call(port)).status, 500);
  t.is(outcomes.length, 1);
});

test("a function's own 500 is passed on at once", async (t) => {
  let calls = 0;
  const { port: upstreamPort } = await startFunction(t, (_req, res) => {
    calls++;
    res.writeHead(500).end('mine');
  });
  const { port } = await startFront(t, upstreamPort, { readySinceMs: performance.now() });
  t.is((await call(port)).body, 'mine');
  t.is(calls, 1);
});

test('a caller that leaves while the process is waited for ends the wait', async (t) => {
  let calls = 0;
  const { port: upstreamPort } = await startFunction(t, (_req, res) => {
    calls++;
    res.writeHead(500, { 'X-OpenFaaS-Internal': 'of-watchdog' }).end();
  });
  const { port, outcomes } = await startFront(t, upstreamPort, { readySinceMs: performance.now() });
  const caller = new RawCaller(t, port);
  caller.send('GET /function/env HTTP/1.1\r\nHost: a\r\n\r\n');
  await until(() => calls >= 2);
  caller.socket.destroy();
  await until(() => outcomes.length === 1);
  t.is(outcomes[0]?.failure, 'aborted');
});

test('a body that goes on arriving while a watchdog says "not ready" reaches the process whole', async (t) => {
  let calls = 0;
  const { port: upstreamPort } = await startFunction(t, (req, res) => {
    calls++;
    if (calls > 1) return void req.pipe(res);
    res.writeHead(503, { 'X-OpenFaaS-Internal': 'of-watchdog' }).write('not yet');
    req.resume();
    setTimeout(() => res.end(), 200);
  });
  const { port } = await startFront(t, upstreamPort, { readySinceMs: performance.now() });
  const caller = new RawCaller(t, port);
  const rest = 'x'.repeat(200_000);
  caller.send(`POST /function/env HTTP/1.1\r\nHost: a\r\nContent-Length: ${rest.length + 5}\r\n\r\nfirst`);
  await until(() => calls === 1);
  await sleep(50);
  caller.send(rest);
  const text = await caller.sees(/\r\n0\r\n\r\n$/);
  t.regex(text, /^HTTP\/1\.1 200 /);
  t.is(text.slice(text.indexOf('\r\n\r\n')).replaceAll(/\r\n([0-9a-f]+\r\n)?/g, ''), `first${rest}`);
});

for (const [idleConnTimeoutMs, opened] of [
  [4_000, 1],
  [0, 2],
] as const) {
  test(`connections that may idle for ${idleConnTimeoutMs} ms: two calls open ${opened}`, async (t) => {
    const fn = await startFunction(t, (_req, res) => res.end('ok'));
    let connections = 0;
    fn.server.on('connection', () => (connections += 1));
    const front = await startFront(t, fn.port, { proxy: t.context.road as RoadName, idleConnTimeoutMs });
    for (let i = 0; i < 2; i += 1) {
      await call(front.port);
      // The road has it back once it knows that the reply is over.
      await until(() => front.outcomes.length === i + 1);
    }
    t.is(connections, opened);
  });
}
