import { existsSync } from 'node:fs';
import test from 'ava';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { listOf, startHost, tasksIn, type TestHost } from '../functions/setup.ts';
import { reboot } from './reboot.ts';
import { ask, callOf, deploy } from './setup.ts';

/** 20 by test/soak/lifecycle.sh. */
const count = Number(process.env.BERTH_TEST_FUNCTIONS ?? 6);
const namespaces = ['openfaas-fn', 'dev', 'staging'];
const memoryFile = existsSync('/sys/fs/cgroup/cgroup.controllers') ? 'memory.max' : 'memory/memory.limit_in_bytes';

let host: TestHost;
test.before(async () => {
  host = await startHost();
});
test.after.always(() => host?.stop());
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-20_000));
});

const functions = Array.from({ length: count }, (_, index) => ({
  service: `fn-${index}`,
  namespace: namespaces[index % namespaces.length] ?? '',
  replicas: index % 5 === 0 ? 2 : 1,
}));
const sleepers = ['cold', 'standby'].map((depth) => ({ service: `${depth}-sleeper`, namespace: 'dev', depth }));

async function taskStates(): Promise<string[]> {
  const all = await Promise.all(namespaces.map((name) => tasksIn(host.containerd, name)));
  return all
    .flat()
    .map(({ status }) => status)
    .sort();
}

async function untilAllReady(): Promise<void> {
  await until(
    async () => {
      const listed = (await Promise.all(namespaces.map((name) => listOf(host.berth, name)))).flat();
      return (
        listed.length === functions.length + sleepers.length &&
        listed.every(({ replicas, availableReplicas }) => availableReplicas === replicas)
      );
    },
    { timeoutMs: 120_000, intervalMs: 200, message: 'every function to be ready' },
  );
}

/** What each function finds in its process: nothing of it may change. */
async function inside(): Promise<Record<string, string[]>> {
  const seen: Record<string, string[]> = {};
  for (const { service, namespace } of functions) {
    const path = `${service}.${namespace}`;
    seen[path] = await Promise.all(
      ['/', '/env/WHICH', '/file/var/openfaas/secrets/key', `/file/sys/fs/cgroup/${memoryFile}`].map((what) =>
        callOf(host.berth, path + what),
      ),
    );
  }
  return seen;
}

test.serial(
  `after a reboot ${count} functions in 3 namespaces are ready without a call, as they were, and sleepers sleep on`,
  async (t) => {
    t.timeout(600_000);
    const { berth, containerd, registry } = host;
    const { reference: image } = await functionImage(registry, { env: ['VERSION=one'] });
    for (const name of namespaces.slice(1)) await ask(berth, 'POST', '/system/namespace/', { name });
    for (const namespace of namespaces) {
      await ask(berth, 'POST', '/system/secrets', { name: 'key', namespace, value: `key of ${namespace}` });
    }
    for (const [index, { service, namespace, replicas }] of functions.entries()) {
      await deploy(berth, {
        service,
        namespace,
        image,
        envVars: { WHICH: `${service} of ${namespace}` },
        secrets: ['key'],
        limits: { memory: `${32 + index}Mi` },
        labels: { 'com.openfaas.scale.min': String(replicas) },
      });
    }
    for (const { service, namespace, depth } of sleepers) {
      await deploy(berth, { service, namespace, image, labels: { 'com.openfaas.scale.zero-depth': depth } });
      await ask(berth, 'POST', `/system/scale-function/${service}?namespace=${namespace}`, { replicas: 0 });
    }
    await untilAllReady();
    const running = functions.reduce((sum, { replicas }) => sum + replicas, 0);
    const expected = ['CREATED', ...Array.from({ length: running }, () => 'RUNNING')];
    const untilTasks = () =>
      until(async () => JSON.stringify(await taskStates()) === JSON.stringify(expected), {
        timeoutMs: 30_000,
        message: `${running} running tasks and one that stands by`,
      });
    await untilTasks();
    const before = await inside();

    const startedMs = performance.now();
    await reboot(berth, containerd, namespaces);
    await untilAllReady();
    console.log(`${count} functions ready ${Math.round(performance.now() - startedMs)} ms after the power cut`);
    await untilTasks();
    t.deepEqual(await inside(), before);
    t.is(before['fn-1.dev']?.[2], 'key of dev');

    const attached = (await berth.log()).matchAll(/replica ready .* replica=(\S+) ip=(\S+)/g);
    const addresses = new Map([...attached].map(([, replica, ip]) => [replica, ip]));
    const alive = await Promise.all(namespaces.map((name) => tasksIn(containerd, name)));
    const used = alive
      .flat()
      .filter(({ status }) => status === 'RUNNING')
      .map(({ container }) => addresses.get(container));
    t.is(new Set(used).size, running, 'an address of its own for each');

    for (const { service, namespace } of sleepers) t.is((await berth.invoke(`${service}.${namespace}`)).status, 200);
  },
);
