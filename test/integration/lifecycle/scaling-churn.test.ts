import test from 'ava';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { replicasOf, startHost, statusOf, untilAvailable, type TestHost } from '../functions/setup.ts';
import { pacedLoad } from './load.ts';
import { startProvider } from './provider.ts';
import { deploy, logged, scale } from './setup.ts';

let host: TestHost;
test.before(async () => {
  host = await startHost();
});
test.after.always(() => host?.stop());
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-20_000));
});

test.serial(
  'scaled up and down again and again under traffic, a function fails no call and counts no crash',
  async (t) => {
    const { berth, containerd, registry } = host;
    const { reference: image } = await functionImage(registry);
    await deploy(berth, { service: 'tide', image });
    await using load = pacedLoad(berth, 'tide', 100, 8);
    for (const replicas of [6, 1, 5, 2, 6, 1]) {
      await scale(berth, 'tide', replicas);
      await untilAvailable(berth, 'tide', replicas);
    }
    const { failures } = await load.stop();
    t.deepEqual(failures, []);
    await until(async () => (await replicasOf(containerd, 'tide')).length === 1, { timeoutMs: 20_000 });
    t.deepEqual(await logged(berth, 'replica exited', 'tide'), []);
    t.is((await statusOf(berth, 'tide')).berth.restarts, 0);
  },
);

test.serial('a replica that starts while its function is looked at without pause counts as no crash', async (t) => {
  const { containerd, registry } = host;
  await host.berth.kill();
  await using busy = await startProvider({ containerd, timing: { resyncMs: 1 } });
  const { reference: image } = await functionImage(registry);
  const fn = { name: 'watched', namespace: 'openfaas-fn' };
  t.is(await busy.provider.deploy({ ...fn, image }), 'ready');
  for (const replicas of [6, 1, 6, 1, 6]) {
    await busy.provider.scale(fn, replicas);
    await until(async () => (await busy.provider.status(fn, { usage: false })).availableReplicas === replicas, {
      timeoutMs: 30_000,
    });
  }
  const crashes = (await busy.log()).split('\n').filter((line) => line.includes('replica exited'));
  t.deepEqual(crashes, []);
  await busy.provider.remove(fn);
  await until(async () => (await replicasOf(containerd, 'watched')).length === 0, { timeoutMs: 20_000 });
});
