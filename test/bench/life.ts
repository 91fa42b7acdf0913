import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../helpers/poll.ts';
import { listOf, replicasOf } from '../integration/functions/setup.ts';
import { addressesOf, remove, update } from '../integration/lifecycle/setup.ts';
import { timed } from './figures.ts';
import { preparePlainStarts } from './plain-starts.ts';
import { deployed, sleepNow, startWorld, untilAnswers, type Bench, type World } from './world.ts';

const group = 'life';

/** Deploys, updates and wakes, beside the plainest programs that start the same image. */
export async function benchLife(bench: Bench): Promise<void> {
  await using world = await startWorld(bench);
  const { containerd, berth, image } = world;
  await using plain = await preparePlainStarts(containerd, image);
  await deployed(berth, { service: 'warm', image, envVars: { VERSION: 'first' } });
  for (const depth of ['cold', 'standby'] as const) {
    await deployed(berth, { service: depth, image, labels: { 'com.openfaas.scale.zero-depth': depth } });
    await sleepNow(world, depth, depth);
  }
  const [replica = ''] = await replicasOf(containerd, 'cold');
  const [ip = ''] = await addressesOf(berth, 'cold');
  const like = () => plain.taskLike(replica, ip);
  const steps: [what: string, contender: string, act: (round: number) => Promise<number>][] = [
    ['deploy to first 200', 'ctr run -d', () => plain.ctrRun()],
    ['deploy to first 200', 'ctr run + bridge', () => plain.ctrRunWithBridge()],
    ['deploy to first 200', 'berth', () => deployOnce(world)],
    ['update, answered by the new version', 'berth', (round) => updateOnce(world, `version-${round}`)],
    ['wake, cold', 'containerd alone', async () => (await plain.task()).created],
    ['wake, standby', 'containerd alone', async () => (await plain.task()).started],
    ['wake, cold', 'same task alone', async () => (await like()).created],
    ['wake, standby', 'same task alone', async () => (await like()).started],
    ['wake, cold', 'berth', () => wakeOnce(world, 'cold')],
    ['wake, standby', 'berth', () => wakeOnce(world, 'standby')],
  ];
  // The first of each is not counted: programs and files are read from disk.
  for (let round = 0; round <= (bench.quick ? 3 : 9); round++) {
    bench.say(`life, round ${round}`);
    const first = round % steps.length;
    for (const [what, contender, act] of [...steps.slice(first), ...steps.slice(0, first)]) {
      // What the last step left to be cleared away is not in the way of this one.
      await sleep(500);
      const ms = await act(round);
      if (round > 0) bench.figures.add(group, what, 'ms', contender, ms);
    }
    if (bench.peer) for (const [what, ms] of await bench.peer.live()) bench.figures.add(group, what, 'ms', 'peer', ms);
  }
}

async function deployOnce({ berth, image }: World): Promise<number> {
  const ms = await timed(() => deployed(berth, { service: 'new', image }));
  await remove(berth, 'new');
  await until(async () => (await listOf(berth)).every(({ name }) => name !== 'new'), { message: 'its removal' });
  return ms;
}

async function wakeOnce(world: World, depth: string): Promise<number> {
  const ms = await timed(() => untilAnswers(`${world.berth.url}/function/${depth}`));
  await sleepNow(world, depth, depth);
  return ms;
}

async function updateOnce({ berth, image }: World, VERSION: string): Promise<number> {
  return timed(async () => {
    await update(berth, { service: 'warm', image, envVars: { VERSION } });
    await untilAnswers(`${berth.url}/function/warm`, (text) => text === VERSION);
  });
}
