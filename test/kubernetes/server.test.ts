/** berth in front of a cluster, called while functions and the cluster change. `BERTH_TEST_LONG=1` has it as long as issue 14 says. */
import test, { type ExecutionContext } from 'ava';
import { startBerth, type TestBerth } from '../helpers/berth.ts';
import { functionImage } from '../helpers/functions.ts';
import { labRegistry } from '../helpers/kubernetes-lab/registry.ts';
import { until } from '../helpers/poll.ts';
import { statusOf } from '../integration/functions/setup.ts';
import { crowd, pacedLoad } from '../integration/lifecycle/load.ts';
import { callOf, deploy, remove, scale, update } from '../integration/lifecycle/setup.ts';
import { functionNamespace, kubeconfig, kubectl, outage, untilApiReady, type ClusterPart } from './cluster.ts';

const isLong = process.env.BERTH_TEST_LONG === '1';
const { perSecond, changes, awayMs, callers } = isLong
  ? { perSecond: 200, changes: 10, awayMs: 60_000, callers: 500 }
  : { perSecond: 50, changes: 2, awayMs: 8000, callers: 100 };

let berth: TestBerth;
const images: Record<string, string> = {};

test.before(async () => {
  await functionNamespace('openfaas-fn');
  for (const tag of ['one', 'two'])
    images[tag] = (await functionImage(labRegistry, { tag, env: [`VERSION=${tag}`] })).reference;
  berth = await startBerth({ env: { backend: 'kubernetes', kubeconfig } });
});
test.after.always(() => berth?.stop());
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await berth.log()).slice(-20_000), await kubectl('get', 'pods,events', '-A', '-o', 'wide'));
});

/** Waits for so many ready replicas: a cluster whose API server was away takes a minute to heed changes again. */
function untilAvailable(service: string, replicas: number): Promise<boolean> {
  const isThere = async () => (await statusOf(berth, service)).availableReplicas === replicas;
  return until(isThere, { timeoutMs: 180_000, message: `${replicas} replicas of ${service}` });
}

/** Deploys a function of the first version, with so many replicas. */
async function deployed(service: string, replicas = 1): Promise<void> {
  await deploy(berth, { service, image: images['one'] ?? '' });
  if (replicas > 1) await scale(berth, service, replicas);
  await untilAvailable(service, replicas);
}

/** Waits until no replica of another version is called. */
async function untilVersion(service: string, version: string): Promise<void> {
  await kubectl('rollout', 'status', '--namespace', 'openfaas-fn', '--timeout', '120s', `deployment/${service}`);
  await until(async () => (await callOf(berth, service)).startsWith(`${version} `), { message: version });
}

test.serial(
  `at ${perSecond} calls a second, ${changes} updates and ${changes} changes of scale fail none`,
  async (t) => {
    t.timeout(600_000);
    await deployed('swing', 2);
    await using load = pacedLoad(berth, 'swing', perSecond);
    for (let round = 1; round <= changes; round += 1) {
      const version = round % 2 === 1 ? 'two' : 'one';
      await update(berth, { service: 'swing', image: images[version] ?? '' });
      await untilVersion('swing', version);
      const replicas = round % 2 === 1 ? 4 : 1;
      await scale(berth, 'swing', replicas);
      await untilAvailable('swing', replicas);
    }
    const { calls, perSecond: reached, failures } = await load.stop();
    t.log(`${calls} calls, ${reached} a second`);
    t.deepEqual(failures, []);
    await remove(berth, 'swing');
  },
);

/** Calls a function while a part of the cluster is away, and until a change is made afterwards. */
async function callWithout(t: ExecutionContext, part: ClusterPart, service: string): Promise<void> {
  t.timeout(600_000);
  await deployed(service, 2);
  await using load = pacedLoad(berth, service, perSecond);
  await outage(part, awayMs);
  await untilApiReady();
  await until(() => scale(berth, service, 3).then(() => true), { timeoutMs: 60_000, message: 'a change' });
  await untilAvailable(service, 3);
  const { calls, perSecond: reached, failures } = await load.stop();
  t.log(`${calls} calls, ${reached} a second`);
  t.deepEqual(failures, []);
  await remove(berth, service);
}

test.serial(
  `without the API server for ${awayMs / 1000} s warm functions answer, and then changes are made`,
  callWithout,
  'kube-apiserver',
  'warm',
);

test.serial(
  `without the kubelet for ${awayMs / 1000} s functions answer, and then changes are made`,
  callWithout,
  'kubelet',
  'kept',
);

test.serial(`${callers} callers of a function that sleeps are all answered by it`, async (t) => {
  await deployed('dozy');
  await scale(berth, 'dozy', 0);
  await until(async () => (await kubectl('get', 'pods', '-A', '-o', 'name')).includes('/dozy') === false, {
    timeoutMs: 60_000,
    message: 'its Pods to go',
  });
  const replies = await crowd(berth, 'dozy', { callers, calls: callers });
  t.deepEqual(
    replies.filter(({ status }) => status !== 200),
    [],
  );
  t.is(replies.length, callers);
  await remove(berth, 'dozy');
});
