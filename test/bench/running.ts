import { setTimeout as sleep } from 'node:timers/promises';
import { listOf } from '../integration/functions/setup.ts';
import { cutPower } from '../integration/lifecycle/reboot.ts';
import { startBareNode } from './bare-node.ts';
import { timed } from './figures.ts';
import { cpuMicros, residentMegabytes } from './process-figures.ts';
import { addressOf, deployed, startWorld, untilAnswers, type Bench } from './world.ts';
import { load } from './wrk.ts';

const group = 'running';

/** What functions that run cost: memory with none and with fifty of them under load, a restart, a reboot. */
export async function benchRunning(bench: Bench): Promise<void> {
  const count = bench.quick ? 10 : 50;
  const add = (what: string, unit: string, value: number, contender = String(count)) =>
    bench.figures.add(group, what, unit, contender, value);
  await using world = await startWorld(bench);
  const { berth, containerd, image } = world;
  {
    await using bare = await startBareNode(bench.program, '127.0.0.1', '1', '/');
    await sleep(bench.quick ? 1_000 : 10_000);
    add('resident', 'MB', await residentMegabytes(berth.pid), '0');
    add('resident', 'MB', await residentMegabytes(bare.pid), 'Node + packages');
  }
  const names = Array.from({ length: count }, (_, i) => `fn-${i}`);
  bench.say(`${count} functions are deployed and loaded`);
  for (const service of names) await deployed(berth, { service, image });
  const called = names.slice(0, bench.quick ? 2 : 10);
  for (const name of called) await load(`${berth.url}/function/${name}`, { connections: 16, seconds: 1 });
  for (let round = 0; round < 10; round++) add('list', 'ms', await timed(() => listOf(berth)));
  await benchAfterLoad(bench, berth.pid, String(count));
  const idleSeconds = bench.quick ? 3 : 20;
  const before = await cpuMicros(berth.pid);
  await sleep(idleSeconds * 1000);
  add('idle, of a core', '%', ((await cpuMicros(berth.pid)) - before) / idleSeconds / 1e4);
  await benchFloor(bench, await addressOf(world, names[0] ?? ''), called.length);
  await berth.kill();
  add('restart to serving', 'ms', await timed(() => berth.start()));
  bench.say('reboot');
  await cutPower(berth, containerd, ['openfaas-fn']);
  const all = async () => {
    await containerd.start();
    await berth.start({ unready: true });
    await Promise.all(names.map((name) => untilAnswers(`${berth.url}/function/${name}`)));
  };
  add('reboot to 200 of each', 'ms', await timed(all));
}

/** What the plain proxy has, with all that berth is built on, after the same load. */
async function benchFloor(bench: Bench, host: string, seconds: number): Promise<void> {
  await using bare = await startBareNode(bench.program, host, '8080', '/function/');
  for (let second = 0; second < seconds; second++) await load(bare.url, { connections: 16, seconds: 1 });
  await benchAfterLoad(bench, bare.pid, 'plain proxy + packages');
}

/**
 * What is resident 5 s after load depends on when the collector's last round was: V8 sees only after those 5 s that little is
 * asked for any more, and then collects once more, unless too much is asked for still.
 */
async function benchAfterLoad({ figures, quick }: Bench, pid: number, contender: string): Promise<void> {
  for (const [what, seconds] of [
    ['resident 5 s after load', 5],
    ['resident 30 s after load', 25],
  ] as const) {
    await sleep(quick ? 500 : seconds * 1000);
    figures.add(group, what, 'MB', contender, await residentMegabytes(pid));
  }
}
