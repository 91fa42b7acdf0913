import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestBerth } from '../helpers/berth.ts';
import { until } from '../helpers/poll.ts';
import { listOf, statusOf } from '../integration/functions/setup.ts';
import { remove } from '../integration/lifecycle/setup.ts';
import { timed } from './figures.ts';
import { cpuMicros, residentMegabytes } from './process-figures.ts';
import { watchingStandstill } from './standstill.ts';
import { deployed, sleepNow, startWorld, untilAnswers, type Bench, type World } from './world.ts';

const group = 'asleep';
export const asleepLabels = { 'com.openfaas.scale.zero': 'true', 'com.openfaas.scale.zero-duration': '1h' };

/** What functions that sleep cost: the same figures with few and with many of them. */
export async function benchAsleep(bench: Bench): Promise<void> {
  for (const count of bench.quick ? [1, 200] : [1, 50, 200, 1000]) {
    bench.say(`${count} asleep`);
    await withAsleep(bench, count);
  }
}

async function withAsleep(bench: Bench, count: number): Promise<void> {
  const file = join(await mkdtemp(join(tmpdir(), 'standstill-')), 'ms');
  const world = await startWorld(bench, watchingStandstill(file));
  const { berth, image } = world;
  const add = (what: string, unit: string, ...values: number[]) =>
    bench.figures.add(group, what, unit, String(count), ...values);
  try {
    await deployed(berth, { service: 'model', image, labels: asleepLabels });
    await sleepNow(world, 'model');
    await berth.kill();
    await copyModel(berth, count - 1);
    add('restart to serving', 'ms', await timed(() => berth.start()));
    await until(async () => (await listOf(berth)).length === count, { message: 'all to be listed' });
    process.kill(berth.pid, 'SIGUSR2');
    await changes(bench, world, add);
    process.kill(berth.pid, 'SIGUSR2');
    add('longest standstill of the event loop', 'ms', Number(await until(() => readFile(file, 'utf8'))));
    await idle(count < 1000 ? 32 : longestPauseSeconds, bench, berth, add);
  } finally {
    await world.stop();
    await rm(join(file, '..'), { recursive: true });
  }
}

/** Between two looks at the host's network. */
const longestPauseSeconds = 122;

type Add = (what: string, unit: string, ...values: number[]) => void;

/** Deploys, wakes and asks, for at least as long as a look at everything takes to come by. */
async function changes({ quick }: Bench, world: World, add: Add): Promise<void> {
  const { berth, image } = world;
  const endMs = performance.now() + (quick ? 3_000 : 35_000);
  for (let round = 0; round < (quick ? 3 : 7); round++) {
    add(
      'deploy to first 200',
      'ms',
      await timed(() => deployed(berth, { service: 'new', image, labels: asleepLabels })),
    );
    await sleepNow(world, 'new');
    add('wake, cold', 'ms', await timed(() => untilAnswers(`${berth.url}/function/new`)));
    await remove(berth, 'new');
    await until(async () => (await listOf(berth)).every(({ name }) => name !== 'new'), { message: 'its removal' });
  }
  for (let asked = 0; asked < 10 || performance.now() < endMs; asked++) {
    add('list', 'ms', await timed(() => listOf(berth)));
    add('status', 'ms', await timed(() => statusOf(berth, 'model')));
    await sleep(100);
  }
}

async function idle(period: number, { quick }: Bench, { pid }: TestBerth, add: Add): Promise<void> {
  await sleep(quick ? 500 : 5_000);
  const seconds = quick ? 5 : period;
  const before = await cpuMicros(pid);
  await sleep(seconds * 1000);
  add('idle, of a core', '%', ((await cpuMicros(pid)) - before) / seconds / 1e4);
  add('resident', 'MB', await residentMegabytes(pid));
}

/** Gives the daemon as many functions as asked for beside the model, all asleep like it. */
export async function copyModel(berth: TestBerth, count: number): Promise<void> {
  const folder = join(berth.folder, 'data/functions/openfaas-fn');
  const model = await readFile(join(folder, 'model.json'), 'utf8');
  for (let i = 0; i < count; i++) {
    const copy = model.replace('"name": "model"', `"name": "asleep-${i}"`);
    await writeFile(join(folder, `asleep-${i}.json`), copy);
  }
}
