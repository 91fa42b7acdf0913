import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { startContainerd } from '../../helpers/containerd.ts';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { run } from '../../helpers/processes.ts';
import { startRegistry } from '../../helpers/registry.ts';
import { tasksIn, taskOf } from '../functions/setup.ts';
import { startProvider, type TestProvider } from './provider.ts';

/** 1000 by test/soak/lifecycle.sh. */
const cycles = Number(process.env.BERTH_TEST_CRASHES ?? 20);
const namespace = 'openfaas-fn';

/** Of 14 addresses the bridge has one. */
const names = Array.from({ length: 10 }, (_, index) => `cycle-${index}`);

async function attached({ folder }: TestProvider): Promise<{ veths: number; addresses: number }> {
  const links = (await run('ip', ['-brief', 'link', 'show', 'type', 'veth'])).stdout;
  const leased = await readdir(join(folder, 'run/ipam/openfaas'));
  return {
    veths: links.split('\n').filter(Boolean).length,
    addresses: leased.filter((name) => /^\d/.test(name)).length,
  };
}

/** The host keeper's self-test has one too, for as long as it takes to look what a function reaches. */
async function untilAttached(host: TestProvider, replicas: number): Promise<void> {
  const wanted = JSON.stringify({ veths: replicas, addresses: replicas });
  await until(async () => JSON.stringify(await attached(host)) === wanted, {
    timeoutMs: 30_000,
    message: `networks of ${replicas} replicas and no more`,
  });
}

test.serial(`${cycles} crashes and restarts in a subnet of 14 addresses use up none of them`, async (t) => {
  t.timeout(600_000);
  await using containerd = await startContainerd();
  await using registry = await startRegistry();
  const timing = { restartBaseMs: 10, restartMaxMs: 20 };
  await using host = await startProvider({ containerd, timing, subnet: '10.99.0.0/28' });
  const { provider } = host;
  const { reference: image } = await functionImage(registry);
  await Promise.all(names.map((name) => provider.deploy({ name, namespace, image })));

  const untilRestarted = (name: string, times: number) =>
    until(
      async () => {
        const { berth = {}, availableReplicas } = await provider.status({ name, namespace }, { usage: false });
        return availableReplicas === 1 && (times === 0 || berth.restarts === times);
      },
      { timeoutMs: 60_000, message: `${name} after ${times} crashes` },
    );
  async function crash(name: string): Promise<void> {
    for (let times = 1; times <= cycles / names.length; times += 1) {
      const { pid } = await taskOf(containerd, name);
      process.kill(pid, 'SIGKILL');
      await untilRestarted(name, times);
    }
  }
  await Promise.all(names.map((name) => untilRestarted(name, 0)));
  const startedMs = performance.now();
  try {
    await Promise.all(names.map(crash));
  } catch (error) {
    t.log((await host.log()).slice(-8000));
    throw error;
  }
  console.log(`${cycles} crashes in ${Math.round((performance.now() - startedMs) / 1000)} s`);
  await untilAttached(host, names.length);
  t.is((await tasksIn(containerd)).length, names.length);

  t.is(await provider.deploy({ name: 'one-more', namespace, image }), 'ready');
  t.is(await provider.update({ name: 'one-more', namespace, image, envVars: { NEW: 'yes' } }), 'ready');
  for (const name of [...names, 'one-more']) await provider.remove({ name, namespace });
  await untilAttached(host, 0);
});
