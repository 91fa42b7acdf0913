import test from 'ava';
import pLimit from 'p-limit';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { listOf, startHost, tasksIn, type Task, type TestHost } from './setup.ts';

const namespaces = ['openfaas-fn', 'staging', 'tenant-a'];
/** Deploys and calls at once. */
const parallel = 8;

let host: TestHost;
let count: number;

test.before(async () => {
  host = await startHost();
  // The oldest line has them all; the others show that the same holds for them.
  count = Number(process.env.BERTH_TEST_FUNCTIONS ?? (host.containerd.version.startsWith('1.6.') ? 100 : 30));
});
test.after.always(() => host?.stop());

/** `fn-0` in the first namespace, `fn-1` in the second and so on. */
const functions = () =>
  Array.from({ length: count }, (_, i) => ({
    service: `fn-${i}`,
    namespace: namespaces[i % namespaces.length] ?? '',
  }));

async function forEachFunction<T>(act: (fn: { service: string; namespace: string }) => Promise<T>): Promise<T[]> {
  const limit = pLimit(parallel);
  return Promise.all(functions().map((fn) => limit(() => act(fn))));
}

async function listed(): Promise<string[]> {
  const all = await Promise.all(namespaces.map((namespace) => listOf(host.berth, namespace)));
  return all
    .flat()
    .flatMap(({ name, namespace, availableReplicas }) => (availableReplicas === 1 ? `${name}.${namespace}` : []));
}

async function tasks(): Promise<Task[]> {
  return (await Promise.all(namespaces.map((namespace) => tasksIn(host.containerd, namespace)))).flat();
}

/** Functions that do not answer their call with their own name. */
async function silent(): Promise<string[]> {
  const answers = await forEachFunction(async ({ service, namespace }) => {
    const { status, text } = await host.berth.invoke(`${service}.${namespace}/env/OPENFAAS_NAME`);
    return status === 200 && text === `${service}\n` ? '' : `${service}.${namespace}: ${status} ${text}`;
  });
  return answers.filter(Boolean);
}

test.serial(
  'many functions in three namespaces are all listed and called; every restart of the daemon finds them as they run',
  async (t) => {
    t.timeout(180_000);
    const { reference: image } = await functionImage(host.registry);
    for (const name of namespaces.slice(1)) {
      const made = await host.berth.api('POST', '/system/namespace/', { name });
      t.is(made.status, 201, made.text);
    }
    const startedMs = performance.now();
    const refused = await forEachFunction(async (fn) => {
      const { status, text } = await host.berth.api('POST', '/system/functions', { ...fn, image });
      return status === 202 ? '' : `${fn.service}: ${status} ${text}`;
    });
    t.deepEqual(refused.filter(Boolean), []);
    const names = functions().map(({ service, namespace }) => `${service}.${namespace}`);
    await until(async () => (await listed()).length === count, { timeoutMs: 60_000, message: 'all to be ready' });
    t.log(`${count} functions deployed in ${Math.round(performance.now() - startedMs)} ms`);
    t.deepEqual((await listed()).sort(), names.sort());
    t.deepEqual(await silent(), []);
    const before = await tasks();
    t.is(before.length, count);

    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await host.berth.kill(signal);
      const restartedMs = performance.now();
      await host.berth.start();
      t.log(`healthy ${Math.round(performance.now() - restartedMs)} ms after ${signal}`);
      t.deepEqual(await silent(), []);
      t.deepEqual((await listed()).sort(), names.sort());
      t.deepEqual(await tasks(), before, `the same processes after ${signal}`);
    }

    const removed = await forEachFunction(({ service, namespace }) =>
      host.berth.api('DELETE', '/system/functions', { functionName: service, namespace }),
    );
    t.deepEqual(new Set(removed.map(({ status }) => status)), new Set([202]));
    await until(async () => (await tasks()).length === 0, { timeoutMs: 60_000, message: 'all to end' });
  },
);
