/** What starts ask of containerd, in calls and not in time. */
import test from 'ava';
import { startBerth, type TestBerth } from '../../helpers/berth.ts';
import { startContainerd } from '../../helpers/containerd.ts';
import { callsSoFar, metricsConfig } from '../../helpers/containerd-calls.ts';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { startRegistry } from '../../helpers/registry.ts';
import { untilAvailable } from '../functions/setup.ts';
import { deploy, putToSleep, scale } from './setup.ts';

/** Of these services alone, as the daemon asks for namespaces and events beside. */
const counted = /^(containers|tasks|snapshots|leases)\./;

/** What was asked so far, once nothing more is asked for a moment. */
async function settled(): Promise<Map<string, number>> {
  let before = '';
  return until(
    async () => {
      const calls = new Map([...(await callsSoFar())].filter(([name]) => counted.test(name)));
      const now = [...calls].join();
      const isSettled = now === before;
      before = now;
      return isSettled ? calls : undefined;
    },
    { intervalMs: 500, timeoutMs: 60_000, message: 'containerd to be asked nothing more' },
  );
}

/** What was asked because of something, as `Tasks/Start 1`. */
async function asked(act: () => Promise<unknown>): Promise<string[]> {
  const before = await settled();
  await act();
  const during = [...(await settled())].map(([name, times]) => [name, times - (before.get(name) ?? 0)] as const);
  return during
    .filter(([, times]) => times > 0)
    .map(([name, times]) => `${name.split('.').at(-1)} ${times}`)
    .sort();
}

async function answers(berth: TestBerth, name: string): Promise<void> {
  const { status, text } = await berth.invoke(name);
  if (status !== 200) throw new Error(`${name}: ${status} ${text}`);
}

const starts = { cold: ['Tasks/Create 1', 'Tasks/Start 1'], standby: ['Tasks/Start 1'] };

test('a function wakes with no more words to containerd than its task needs', async (t) => {
  await using containerd = await startContainerd({ config: metricsConfig });
  await using registry = await startRegistry();
  await using berth = await startBerth({ containerd });
  const { reference: image } = await functionImage(registry);
  for (const depth of Object.keys(starts)) {
    await deploy(berth, { service: depth, image, labels: { 'com.openfaas.scale.zero-depth': depth } });
    await untilAvailable(berth, depth, 1);
  }
  for (const [depth, wanted] of Object.entries(starts)) {
    await scale(berth, depth === 'cold' ? 'standby' : 'cold', 0);
    const wakes: string[][] = [];
    // Now and then all functions are compared with what is there, which may fall into a wake.
    for (let times = 0; times < 3; times++) {
      await putToSleep(berth, containerd, depth);
      await untilAvailable(berth, depth, 0);
      wakes.push(await asked(() => answers(berth, depth)));
    }
    t.true(
      wakes.some((wake) => wake.join() === wanted.join()),
      JSON.stringify(wakes),
    );
  }
});
