import test, { type ExecutionContext } from 'ava';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import {
  listOf,
  replicasOf,
  startHost,
  taskOf,
  tasksIn,
  tasksOf,
  untilAvailable,
  type Task,
  type TestHost,
} from './setup.ts';

let host: TestHost;
let image: string;

test.before(async () => {
  host = await startHost();
  image = (await functionImage(host.registry)).reference;
});
test.after.always(() => host?.stop());
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-8000));
  for (const { name } of await listOf(host.berth))
    await host.berth.api('DELETE', '/system/functions', { functionName: name });
});

async function deploy(t: ExecutionContext, body: { service: string; [key: string]: unknown }): Promise<void> {
  const answer = await host.berth.api('POST', '/system/functions', { image, ...body });
  t.is(answer.status, 202, answer.text);
  await untilAvailable(host.berth, body.service, 1);
}

async function sleepNow(t: ExecutionContext, name: string): Promise<void> {
  t.is((await host.berth.api('POST', `/system/scale-function/${name}`, { replicas: 0 })).status, 202);
  await until(async () => (await tasksOf(host.containerd, name)).length === 0, { message: `${name} to sleep` });
}

test.serial('a function whose process hangs is replaced without a call', async (t) => {
  const health = 'com.openfaas.health.http';
  const annotations = { [`${health}.periodSeconds`]: '200ms', [`${health}.timeoutSeconds`]: '200ms' };
  await deploy(t, { service: 'hung', annotations });
  const task = await taskOf(host.containerd, 'hung');
  process.kill(task.pid, 'SIGSTOP');
  await until(async () => (await replicasOf(host.containerd, 'hung')).every((id) => id !== task.container), {
    timeoutMs: 60_000,
    message: 'the hung replica to be replaced',
  });
  t.is((await host.berth.invoke('hung')).status, 200);
});

test.serial('a function wakes whose image and layers were removed by other hands', async (t) => {
  await deploy(t, { service: 'robbed' });
  await sleepNow(t, 'robbed');
  const ctr = (...args: string[]) => host.containerd.ctr('--namespace', 'openfaas-fn', ...args);
  const ids = await replicasOf(host.containerd, 'robbed');
  // Its process has ended, its task may be there still: two that delete it at once are in each other's way.
  const isThere = ({ container }: Task) => ids.includes(container);
  await until(async () => !(await tasksIn(host.containerd)).some(isThere), { message: 'the task to be gone' });
  for (const id of ids) await ctr('containers', 'rm', id);
  const images = (await ctr('images', 'list', '--quiet')).split('\n').filter(Boolean);
  await ctr('images', 'rm', '--sync', ...images);
  const answer = await host.berth.invoke('robbed');
  t.is(answer.status, 200, answer.text);
});

test.serial(
  'functions that run and functions that stand by are reached again after the subnet was changed',
  async (t) => {
    await deploy(t, { service: 'runs' });
    await deploy(t, { service: 'stands-by', labels: { 'com.openfaas.scale.zero-depth': 'standby' } });
    await sleepNow(t, 'stands-by');
    // Its task is made, in the network namespace of now, and waits for its start.
    const [id] = await replicasOf(host.containerd, 'stands-by');
    const isMade = ({ container, status }: Task) => container === id && status === 'CREATED';
    await until(async () => (await tasksIn(host.containerd)).some(isMade), { message: 'the task to stand by' });
    await host.berth.kill();
    await host.berth.start({ env: { subnet: '10.99.0.0/24' } });
    for (const name of ['runs', 'stands-by']) {
      const answer = await host.berth.invoke(name);
      t.is(answer.status, 200, answer.text);
    }
  },
);
