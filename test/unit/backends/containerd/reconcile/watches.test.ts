import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import type { Network } from '../../../../../src/backends/containerd/network/index.ts';
import type { StepParts } from '../../../../../src/backends/containerd/reconcile/reconciler-parts.ts';
import { Replica } from '../../../../../src/backends/containerd/reconcile/replica.ts';
import { Watches } from '../../../../../src/backends/containerd/reconcile/watches.ts';
import type { Host } from '../../../../../src/backends/containerd/replicas/host.ts';
import { defaultTiming, type Timing } from '../../../../../src/backends/containerd/timing.ts';
import { silentLog } from '../../../../../src/base/log.ts';
import { monotonicMs } from '../../../../../src/base/monotonic.ts';
import { RoutingTable } from '../../../../../src/provider/index.ts';
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
  }: {
    listener: RequestListener;
    timing?: Partial<Timing>;
    more?: Record<string, string>;
    adopted?: boolean;
    attached?: boolean;
  },
) {
  const server = createServer(listener);
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(8080, ip);
  await once(server, 'listening');
  const replica = new Replica('r1', 'g1', defaultTiming);
  if (adopted) replica.observed({ status: 'running' }, monotonicMs());
  else replica.started(ip, monotonicMs());
  const routes = new RoutingTable();
  const deployment = { ...fn, image: 'fn', annotations: { ...annotations, ...more } };
  const network = { attachment: () => Promise.resolve(attached ? { ip } : undefined) } as unknown as Network;
  const watches: Watches = new Watches({
    host: { network } as unknown as Host,
    routes,
    timing: { ...defaultTiming, ...timing },
    wake() {
      const target = { replica: 'r1', hostname: ip, port: 8080, readySinceMs: 0, maxInflight: Infinity };
      routes.set(fn, replica.takesCalls ? [target] : []);
      watches.watch(fn, replica, deployment);
    },
    log: silentLog,
  } as unknown as StepParts);
  watches.watch(fn, replica, deployment);
  t.teardown(() => {
    watches.stop();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { replica, routes, watches };
}

const isReplaced = (replica: Replica) => until(() => replica.view(monotonicMs()).unhealthy, { message: 'the verdict' });
const isReady = (replica: Replica) => until(() => replica.takesCalls, { message: 'the replica to be ready' });

test('a replica that hangs is replaced though a call could not reach it before its probes failed', async (t) => {
  let hangs = false;
  const { replica, watches } = await watched(t, '127.77.0.1', { listener: (_, res) => hangs || res.end() });
  await isReady(replica);
  hangs = true;
  watches.callEnded(fn, replica, { failure: 'unreachable' });
  t.false(replica.takesCalls);
  await isReplaced(replica);
  t.pass();
});

test('a replica that hangs is replaced after its ready path has said no', async (t) => {
  let hangs = false;
  const { replica } = await watched(t, '127.77.0.2', {
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
  const { replica, routes } = await watched(t, '127.77.0.3', {
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
  const { replica } = await watched(t, '127.77.0.4', {
    listener: (_, res) => void res.writeHead(asked++ < 20 ? 503 : 200).end(),
  });
  await isReady(replica);
  t.true(asked >= 20);
});

test('a replica that hung before the daemon came is replaced once it had the time of a start', async (t) => {
  const { replica } = await watched(t, '127.77.0.5', { listener: () => {}, timing: { startMs: 50 }, adopted: true });
  await isReplaced(replica);
  t.pass();
});

test('a running replica without its network attachment is replaced', async (t) => {
  const { replica } = await watched(t, '127.77.0.6', { listener: () => {}, adopted: true, attached: false });
  await isReplaced(replica);
  t.pass();
});
