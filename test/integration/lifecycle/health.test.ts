import { readFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { busyboxImage, functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import {
  listOf,
  replicasOf,
  startHost,
  statusOf,
  untilAvailable,
  untilStatus,
  type TestHost,
} from '../functions/setup.ts';
import { addressesOf, askReplica, callOf, deploy, logged, scale, type FunctionBody } from './setup.ts';

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

const idsOf = (name: string) => replicasOf(host.containerd, name);
const readyPath = { 'com.openfaas.ready.http.path': '/_/ready', 'com.openfaas.ready.http.periodSeconds': '100ms' };
const healthPath = { 'com.openfaas.health.http.path': '/_/health', 'com.openfaas.health.http.periodSeconds': '200ms' };

async function deployReady(t: ExecutionContext, body: Omit<FunctionBody, 'image'> & { image?: string }): Promise<void> {
  await deploy(host.berth, { image, ...body });
  t.is((await statusOf(host.berth, body.service)).availableReplicas, 1, body.service);
}

async function untilReplaced(name: string, before: string[]): Promise<void> {
  await until(
    async () => {
      const ids = await idsOf(name);
      return ids.length === before.length && !ids.some((id) => before.includes(id));
    },
    { timeoutMs: 30_000, message: `another replica of ${name}` },
  );
  await untilAvailable(host.berth, name, before.length);
}

test('a function is not ready, and its callers wait, until its own readiness path answers well', async (t) => {
  const { berth } = host;
  const deployed = deploy(berth, { service: 'late', image, annotations: readyPath });
  const address = await until(
    async () => {
      const found = await runningAddress('late');
      return (await askReplica(found, '/')).trim() === 'none late' ? found : undefined;
    },
    { timeoutMs: 30_000, message: 'the function to answer past the daemon' },
  );
  const call = berth.invoke('late');
  t.like(await statusOf(berth, 'late'), { replicas: 1, availableReplicas: 0 });
  await askReplica(address, '/set/READY/200');
  t.is((await call).status, 200);
  await deployed;
  t.is((await statusOf(berth, 'late')).availableReplicas, 1);
});

test('a replica whose readiness turns bad gets no calls and does not count as available, until it is good again', async (t) => {
  const { berth } = host;
  await deployReady(t, { service: 'moody', envVars: { READY: '200' }, annotations: readyPath });
  await scale(berth, 'moody', 2);
  await untilAvailable(berth, 'moody', 2);
  const before = await idsOf('moody');
  const [first, second] = await addressesOf(berth, 'moody');
  await askReplica(first, '/set/READY/503');
  t.like(await untilAvailable(berth, 'moody', 1), { replicas: 2 });
  t.like(
    (await listOf(berth)).find(({ name }) => name === 'moody'),
    { replicas: 2, availableReplicas: 1 },
  );
  const sleeps = async (address?: string) => Number((await askReplica(address, '/peak')).split(' ')[1]);
  await Promise.all(Array.from({ length: 10 }, () => callOf(berth, 'moody/sleep/10')));
  t.deepEqual([await sleeps(first), await sleeps(second)], [0, 10]);
  await askReplica(first, '/set/READY/200');
  await untilAvailable(berth, 'moody', 2);
  t.deepEqual(await idsOf('moody'), before, 'neither was replaced');
});

test('a replica whose health path turns bad is replaced, without a call', async (t) => {
  const { berth } = host;
  await deployReady(t, { service: 'ill', envVars: { HEALTH: '200' }, annotations: healthPath });
  const before = await idsOf('ill');
  await callOf(berth, 'ill/set/HEALTH/500');
  await untilReplaced('ill', before);
  t.is(await callOf(berth, 'ill/env/HEALTH'), '200');
});

test('a replica that is busy with a call is not replaced for its health', async (t) => {
  const { berth } = host;
  await deployReady(t, { service: 'busy', envVars: { HEALTH: '200' }, annotations: healthPath });
  const before = await idsOf('busy');
  const call = callOf(berth, 'busy/sleep/3000');
  await callOf(berth, 'busy/set/HEALTH/500');
  t.is(await call, 'slept');
  await untilReplaced('busy', before);
});

test('a function is not asked before its initial delay', async (t) => {
  const startedMs = performance.now();
  await deployReady(t, {
    service: 'patient',
    envVars: { READY: '200' },
    annotations: { ...readyPath, 'com.openfaas.ready.http.initialDelaySeconds': '2' },
  });
  t.true(performance.now() - startedMs >= 2000);
});

test('a web server without a health path is ready once it listens', async (t) => {
  const { reference } = await busyboxImage(host.registry);
  await deployReady(t, { service: 'plain', image: reference });
  t.is(await callOf(host.berth, 'plain/'), 'busybox');
});

test('a server that speaks no HTTP is ready once its port is open', async (t) => {
  const config = { Cmd: ['busybox', 'nc', '-ll', '-p', '8080', '-e', '/bin/busybox', 'echo', 'hello'] };
  const { reference } = await busyboxImage(host.registry, { tag: 'tcp', config });
  await deployReady(t, { service: 'tcp', image: reference });
  t.is((await idsOf('tcp')).length, 1);
});

test('a replica whose watchdog has lost its process is replaced', async (t) => {
  const { berth } = host;
  await deployReady(t, { service: 'lost' });
  const before = await idsOf('lost');
  const replies = await Promise.all(Array.from({ length: 6 }, () => berth.invoke('lost/watchdog/500')));
  t.deepEqual(new Set(replies.map(({ status }) => status)), new Set([500]));
  await untilReplaced('lost', before);
  t.is((await berth.invoke('lost')).status, 200);
});

test("calls that outlast the watchdog's time limit, and the function's own errors, cost no replica", async (t) => {
  const { berth } = host;
  await deployReady(t, { service: 'slow' });
  const before = await idsOf('slow');
  for (const path of ['watchdog/504', 'status/500', 'watchdog/429']) {
    for (let call = 0; call < 8; call += 1) await berth.invoke(`slow/${path}`);
  }
  t.deepEqual(await idsOf('slow'), before);
  t.is((await statusOf(berth, 'slow')).availableReplicas, 1);
  t.deepEqual(await logged(berth, 'replica leaves the routes', 'slow'), []);
});

test('a process killed for its memory comes back without a call; status, log and metrics say so', async (t) => {
  const { berth } = host;
  await deployReady(t, { service: 'hungry', limits: { memory: '24Mi' } });
  await berth.invoke('hungry/alloc/64', { method: 'POST' });
  await untilStatus(
    berth,
    'hungry',
    ({ berth, availableReplicas }) => /out of memory \(OOM\)/.test(berth.lastExit ?? '') && availableReplicas === 1,
  );
  // The kernel may be heard after the exit was logged.
  const lines = [
    ...(await logged(berth, 'replica exited', 'hungry')),
    ...(await logged(berth, 'replica ran out of memory', 'hungry')),
  ];
  t.true(lines.some(({ reason }) => reason?.includes('out of memory (OOM)')));
  const of = '{function_name="hungry.openfaas-fn",namespace="openfaas-fn"}';
  const { text } = await berth.api('GET', '/metrics');
  for (const metric of ['oom_kills', 'restarts'])
    t.true(Number(text.split(`\nberth_function_${metric}_total${of} `)[1]?.split('\n')[0]) >= 1, metric);
});

/** Of its one replica, ready or not. */
async function runningAddress(name: string): Promise<string | undefined> {
  const [id = ''] = await idsOf(name);
  const text = await host.containerd.ctr('-n', 'openfaas-fn', 'tasks', 'ps', id);
  const pid = text.split('\n')[1]?.split(/\s+/)[0] ?? '';
  const trie = await readFile(`/proc/${pid}/net/fib_trie`, 'utf8');
  return /(10\.62\.\d+\.\d+)\n\s+\/32 host LOCAL/.exec(trie)?.[1];
}
