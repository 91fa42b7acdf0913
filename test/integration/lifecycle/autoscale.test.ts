import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { busyboxImage, functionImage } from '../../helpers/functions.ts';
import { startHost, statusOf, tasksOf, untilAvailable, untilStatus, type TestHost } from '../functions/setup.ts';
import { until } from '../../helpers/poll.ts';
import { pacedLoad } from './load.ts';
import { ask, callOf, deploy, remove } from './setup.ts';

let host: TestHost;
let image: string;
test.before(async () => {
  host = await startHost();
  image = (await functionImage(host.registry)).reference;
});
test.after.always(() => host?.stop());
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-20_000));
});

const idleIsSleep = { 'com.openfaas.scale.zero': 'true', 'com.openfaas.scale.zero-duration': '2s' };

async function untilReplicas(name: string, count: number): Promise<void> {
  await until(
    async () => {
      const { replicas, availableReplicas } = await statusOf(host.berth, name);
      return replicas === count && availableReplicas === count;
    },
    { timeoutMs: 100_000, intervalMs: 200, message: `${count} replicas of ${name}` },
  );
}

/** The numbers of replicas that the API tells until the work is done. */
async function replicasDuring(name: string, work: Promise<unknown>): Promise<number[]> {
  const seen = new Set<number>();
  let done = false;
  const ended = work.finally(() => (done = true));
  while (!done) {
    seen.add((await statusOf(host.berth, name)).replicas);
    await sleep(100);
  }
  await ended;
  return [...seen];
}

test('more calls a second bring more replicas up to the largest number, and none of them fails; fewer take them away', async (t) => {
  const { berth } = host;
  await deploy(berth, { service: 'popular', image, labels: { 'com.openfaas.scale.max': '3' } });
  await using load = pacedLoad(berth, 'popular', 25, 4);
  await untilReplicas('popular', 3);
  t.deepEqual((await load.stop()).failures, []);
  await using lightLoad = pacedLoad(berth, 'popular', 1, 1);
  await untilReplicas('popular', 1);
  t.deepEqual((await lightLoad.stop()).failures, []);
});

test('as many calls at once as two replicas are for bring a second one', async (t) => {
  const { berth } = host;
  const labels = {
    'com.openfaas.scale.type': 'capacity',
    'com.openfaas.scale.target': '2',
    'com.openfaas.scale.target-proportion': '1',
    'com.openfaas.scale.max': '5',
  };
  await deploy(berth, { service: 'roomy', image, labels });
  let isEnough = false;
  const statuses = new Set<number>();
  // As a start may take long, there are four at any time until it is seen.
  const caller = async () => {
    while (!isEnough) statuses.add((await berth.invoke('roomy/sleep/3000')).status);
  };
  const callers = Array.from({ length: 4 }, caller);
  await untilReplicas('roomy', 2).finally(() => (isEnough = true));
  await Promise.all(callers);
  t.deepEqual([...statuses], [200]);
});

test('a replica that uses more processor than it is meant to gets another beside it', async (t) => {
  const { berth, registry } = host;
  const config = { Cmd: ['sh', '-c', 'busybox httpd -p 8080 -h /www; while :; do :; done'] };
  const { reference } = await busyboxImage(registry, { tag: 'hot', config });
  const labels = {
    'com.openfaas.scale.type': 'cpu',
    'com.openfaas.scale.target': '100',
    'com.openfaas.scale.max': '2',
  };
  await deploy(berth, { service: 'hot', image: reference, labels, limits: { cpu: '200m' } });
  await untilReplicas('hot', 2);
  await remove(berth, 'hot');
  t.pass();
});

test('without a call for the given time a function sleeps, without a task; a call wakes it and it sleeps again', async (t) => {
  const { berth, containerd } = host;
  await deploy(berth, { service: 'sleepy', image, labels: idleIsSleep });
  await callOf(berth, 'sleepy');
  for (let round = 0; round < 2; round += 1) {
    await untilReplicas('sleepy', 0);
    await until(async () => (await tasksOf(containerd, 'sleepy')).length === 0);
    t.is(await callOf(berth, 'sleepy'), 'none sleepy');
    t.is((await statusOf(berth, 'sleepy')).replicas, 1);
  }
});

test('a function with a scale label of another kind does not sleep', async (t) => {
  const { berth } = host;
  const labels = { 'com.openfaas.scale.zero': 'false', 'com.openfaas.scale.zero-duration': '1s' };
  await deploy(berth, { service: 'awake', image, labels });
  t.deepEqual(await replicasDuring('awake', sleep(5000)), [1]);
});

test('a long call keeps its function awake', async (t) => {
  const { berth } = host;
  await deploy(berth, { service: 'longcall', image, labels: idleIsSleep });
  const call = callOf(berth, 'longcall/sleep/6000');
  t.deepEqual(await replicasDuring('longcall', call), [1]);
  t.is(await call, 'slept');
  await untilReplicas('longcall', 0);
});

test('a stream keeps its function awake', async (t) => {
  const { berth } = host;
  await deploy(berth, { service: 'streaming', image, labels: idleIsSleep });
  const call = callOf(berth, 'streaming/stream/2/3500');
  t.deepEqual(await replicasDuring('streaming', call), [1]);
  t.is(await call, 'chunk 0\nchunk 1');
  await untilReplicas('streaming', 0);
});

async function openSocket(path: string): Promise<Duplex> {
  const headers = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
  };
  const asked = request(`${host.berth.url}/function/${path}`, { headers, agent: false }).end();
  const [, socket] = (await once(asked, 'upgrade')) as [IncomingMessage, Duplex];
  return socket;
}

async function echo(socket: Duplex, text: string): Promise<string> {
  socket.write(text);
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  return bytes.toString();
}

test('a quiet WebSocket keeps its function awake, and a new one wakes it', async (t) => {
  const { berth } = host;
  await deploy(berth, { service: 'socket', image, labels: idleIsSleep });
  for (const greeting of ['hello', 'again']) {
    const socket = await openSocket('socket/upgrade');
    t.is(await echo(socket, greeting), greeting);
    t.deepEqual(await replicasDuring('socket', sleep(5000)), [1]);
    t.is(await echo(socket, greeting), greeting);
    socket.destroy();
    await untilReplicas('socket', 0);
  }
});

test('an alert that fires adds replicas, one that is resolved takes them away', async (t) => {
  const { berth } = host;
  const labels = { 'com.openfaas.scale.max': '4', 'com.openfaas.scale.factor': '50' };
  await deploy(berth, { service: 'alarmed', image, labels: { ...labels, 'com.openfaas.scale.down.window': '5m' } });
  const alert = (status: string) =>
    ask(berth, 'POST', '/system/alert', {
      status,
      alerts: [{ status, labels: { alertname: 'APIHighInvocationRate', function_name: 'alarmed.openfaas-fn' } }],
    });
  await alert('firing');
  t.like(await untilAvailable(berth, 'alarmed', 3), { replicas: 3 });
  await alert('firing');
  t.like(await untilAvailable(berth, 'alarmed', 4), { replicas: 4 });
  await alert('resolved');
  await untilStatus(berth, 'alarmed', ({ replicas, availableReplicas }) => replicas === 1 && availableReplicas === 1);
  t.pass();
});
