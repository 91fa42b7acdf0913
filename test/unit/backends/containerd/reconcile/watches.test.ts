import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { Network } from '../../../../../src/backends/containerd/network/index.ts';
import { FunctionStates } from '../../../../../src/backends/containerd/reconcile/function-states.ts';
import type { StepParts } from '../../../../../src/backends/containerd/reconcile/reconciler-parts.ts';
import { StartTraces } from '../../../../../src/backends/containerd/reconcile/start-traces.ts';
import { Replica } from '../../../../../src/backends/containerd/reconcile/replica.ts';
import { Watches } from '../../../../../src/backends/containerd/reconcile/watches.ts';
import type { Host } from '../../../../../src/backends/containerd/replicas/host.ts';
import { defaultTiming, type Timing } from '../../../../../src/backends/containerd/timing.ts';
import { silentLog } from '../../../../../src/base/log.ts';
import { monotonicMs } from '../../../../../src/base/monotonic.ts';
import { EventFeed, RoutingTable } from '../../../../../src/provider/index.ts';
import { until } from '../../../../helpers/poll.ts';

const fn = { name: 'fn', namespace: 'openfaas-fn' };
const health = 'com.openfaas.health.http';
const ready = 'com.openfaas.ready.http';
const annotations = {
  [`${health}.periodSeconds`]: '20ms',
  [`${health}.timeoutSeconds`]: '20ms',
  [`${ready}.periodSeconds`]: '20ms',
  [`${ready}.timeoutSeconds`]: '20ms',
};

/** Of this process alone, as the port is the same of all functions. */
const address = (n: number) => `127.${64 + ((process.pid >> 8) % 190)}.${process.pid & 255}.${n}`;

/** A running replica whose process answers as the listener says, watched again at each pass as the reconciler does it. */
async function watched(
  t: ExecutionContext,
  ip: string,
  {
    listener,
    timing = {},
    more = {},
    adopted = false,
    attached = true,
    starting = false,
  }: {
    listener: RequestListener;
    timing?: Partial<Timing>;
    more?: Record<string, string>;
    adopted?: boolean;
    attached?: boolean;
    /** containerd has yet to say that it runs. */
    starting?: boolean;
  },
) {
  const server = createServer(listener);
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(8080, ip);
  await once(server, 'listening');
  const replica = new Replica('r1', 'g1', defaultTiming);
  if (adopted) replica.observed({ status: 'running' }, monotonicMs());
  else if (!starting) replica.started(ip, monotonicMs());
  const routes = new RoutingTable();
  const deployment = { ...fn, image: 'fn', annotations: { ...annotations, ...more } };
  const network = { attachment: () => Promise.resolve(attached ? { ip } : undefined) } as unknown as Network;
  const tasks = { get: () => Promise.resolve({ pid: process.pid }) };
  const containerd = { namespace: () => ({ tasks }) };
  const watches: Watches = new Watches({
    host: { network, containerd, events: new EventFeed() } as unknown as Host,
    routes,
    timing: { ...defaultTiming, ...timing },
    wake() {
      const target = { replica: 'r1', hostname: ip, port: 8080, readySinceMs: 0, maxInflight: Infinity };
      routes.set(fn, replica.takesCalls ? [target] : []);
      watches.watch(fn, replica, deployment);
    },
    log: silentLog,
    traces: new StartTraces(silentLog),
    states: new FunctionStates(defaultTiming),
  } as unknown as StepParts);
  if (starting) {
    replica.stepBegan('start-task');
    watches.starting(fn, replica, { ip, deployment });
  } else watches.watch(fn, replica, deployment);
  t.teardown(() => {
    watches.stop();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { replica, routes, watches, watch: () => watches.watch(fn, replica, deployment) };
}

const isReplaced = (replica: Replica) => until(() => replica.view(monotonicMs()).unhealthy, { message: 'the verdict' });
const isReady = (replica: Replica) => until(() => replica.takesCalls, { message: 'the replica to be ready' });

test('a replica that hangs is replaced though a call could not reach it before its probes failed', async (t) => {
  let hangs = false;
  const { replica, watches } = await watched(t, address(1), { listener: (_, res) => hangs || res.end() });
  await isReady(replica);
  hangs = true;
  watches.callEnded(fn, replica, { failure: 'unreachable' });
  t.false(replica.takesCalls);
  await isReplaced(replica);
  t.pass();
});

test('a replica that hangs is replaced after its ready path has said no', async (t) => {
  let hangs = false;
  const { replica } = await watched(t, address(2), {
    listener: (_, res) => hangs || res.end(),
    more: { [`${ready}.path`]: '/ready', [`${ready}.failureThreshold`]: '1' },
  });
  await isReady(replica);
  hangs = true;
  await isReplaced(replica);
  t.pass();
});

test('a replica that answers nothing is replaced though calls hang on it', async (t) => {
  let hangs = false;
  const { replica, routes } = await watched(t, address(3), {
    listener: (_, res) => hangs || res.end(),
    timing: { hungMs: 100 },
  });
  await isReady(replica);
  hangs = true;
  await routes.resolve(fn, {});
  await isReplaced(replica);
  t.is(routes.inFlight('r1'), 1);
});

test('a replica that is only slow to become ready is not replaced', async (t) => {
  let asked = 0;
  const { replica } = await watched(t, address(4), {
    listener: (_, res) => void res.writeHead(asked++ < 20 ? 503 : 200).end(),
  });
  await isReady(replica);
  t.true(asked >= 20);
});

test('a replica that hung before the daemon came is replaced once it had the time of a start', async (t) => {
  const { replica } = await watched(t, address(5), { listener: () => {}, timing: { startMs: 50 }, adopted: true });
  await isReplaced(replica);
  t.pass();
});

test('one that ran before the daemon came, left the routes and ends leaves no rejection that nobody handles', async (t) => {
  const { replica, watches } = await watched(t, address(13), { listener: (_, res) => res.end(), adopted: true });
  await isReady(replica);
  watches.callEnded(fn, replica, { failure: 'unreachable' });
  await isReady(replica);
  watches.end(replica);
  // It would end the daemon, as it ends this test's process.
  await nextTurn();
  t.pass();
});

test('a running replica without its network attachment is replaced', async (t) => {
  const { replica } = await watched(t, address(6), { listener: () => {}, adopted: true, attached: false });
  await isReplaced(replica);
  t.pass();
});

test('a replica that answers calls is not replaced, though it has no thread left for probes', async (t) => {
  let hangs = false;
  const timing = { hungMs: 1500 };
  const { replica, routes } = await watched(t, address(9), { listener: (_, res) => hangs || res.end(), timing });
  await isReady(replica);
  await routes.resolve(fn, { waitMs: 1000 });
  hangs = true;
  for (let times = 0; times < 40; times++) {
    replica.callEnded({ status: 200 }, monotonicMs());
    await sleep(100);
    t.false(replica.view(monotonicMs()).unhealthy);
  }
  await isReplaced(replica);
});

test('a replica whose process breaks off calls is not replaced while it has a server for them', async (t) => {
  // It is asked as often, but a late answer counts.
  const more = { [`${health}.timeoutSeconds`]: '10s', [`${ready}.timeoutSeconds`]: '10s' };
  const { replica, watches } = await watched(t, address(10), { listener: (_, res) => res.end(), more });
  await isReady(replica);
  const behind = createServer().listen(0, address(10));
  await once(behind, 'listening');
  const bad = () => watches.callEnded(fn, replica, { status: 500, watchdogError: true });
  for (let times = 0; times < 12; times++) bad();
  await sleep(100);
  t.true(replica.takesCalls);
  t.false(replica.view(monotonicMs()).unhealthy);
  behind.close();
});

test('a process that answers takes calls, though containerd has yet to say that it runs, and is watched on', async (t) => {
  let hangs = false;
  const { replica, watches, watch } = await watched(t, address(11), {
    listener: (_, res) => hangs || res.end(),
    starting: true,
  });
  watch();
  await isReady(replica);
  t.is(replica.task, 'running');
  t.true(replica.isBusy);
  replica.stepEnded();
  watch();
  t.true(replica.takesCalls);
  hangs = true;
  await isReplaced(replica);
  watches.end(replica);
});

test('a process whose start failed is asked no more', async (t) => {
  let isUp = false;
  const { replica, watches } = await watched(t, address(12), {
    listener: (_, res) => void res.writeHead(isUp ? 200 : 503).end(),
    starting: true,
  });
  watches.end(replica);
  isUp = true;
  await sleep(50);
  t.is(replica.task, 'none');
});
