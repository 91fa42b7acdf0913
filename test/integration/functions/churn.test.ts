import test from 'ava';
import { startBerth, type Answer } from '../../helpers/berth.ts';
import { startContainerd } from '../../helpers/containerd.ts';
import { functionImage } from '../../helpers/functions.ts';
import { firewallRules, leftovers, untilNothingIsLeft } from '../../helpers/leftovers.ts';
import { startRegistry } from '../../helpers/registry.ts';

test.serial('cycles of deploy, update, scale and remove leave nothing behind and answer no 5xx', async (t) => {
  t.timeout(600_000);
  await using containerd = await startContainerd();
  // All of them on one line of containerd, some on the others: the code is the same.
  const cycles = Number(process.env.BERTH_TEST_CYCLES ?? (containerd.version.startsWith('1.6.') ? 100 : 25));
  await using registry = await startRegistry();
  await using berth = await startBerth({ containerd });
  const { reference: image } = await functionImage(registry);
  const { reference: newer } = await functionImage(registry, { tag: 'newer', env: ['VERSION=newer'] });
  const rules = await firewallRules();
  const functions = [
    { service: 'plain' },
    { service: 'stubborn', envVars: { IGNORE_SIGTERM: '1' } },
    { service: 'exits', envVars: { EXIT_AT_START: '3' } },
    { service: 'two', labels: { 'com.openfaas.scale.min': '2' } },
    { service: 'limited', limits: { memory: '32Mi', cpu: '200m' }, readOnlyRootFilesystem: true },
  ];
  const bad: string[] = [];
  const check = (what: string, { status, text }: Answer) => {
    if (status >= 500) bad.push(`${what}: ${status} ${text}`);
  };

  async function cycle(round: number): Promise<void> {
    const fn = functions[round % functions.length];
    const name = fn?.service ?? '';
    check('deploy', await berth.api('POST', '/system/functions', { ...fn, image }));
    check('status', await berth.api('GET', `/system/function/${name}`));
    check('update', await berth.api('PUT', '/system/functions', { ...fn, image: newer }));
    check('scale up', await berth.api('POST', `/system/scale-function/${name}`, { replicas: 1 + (round % 3) }));
    if (round % 2 === 0) check('sleep', await berth.api('POST', `/system/scale-function/${name}`, { replicas: 0 }));
    check('remove', await berth.api('DELETE', '/system/functions', { functionName: name }));
  }

  // One worker a function: cycles of different functions run side by side, as users' do.
  const workers = functions.map(async (_, worker) => {
    for (let round = worker; round < cycles; round += functions.length) await cycle(round);
  });
  try {
    await Promise.all(workers);
    t.deepEqual(bad, []);
    await untilNothingIsLeft(() => leftovers(containerd, berth));
    t.is(await firewallRules(), rules);
  } catch (error) {
    t.log((await berth.log()).slice(-20_000));
    throw error;
  }
});
