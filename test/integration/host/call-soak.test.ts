import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { functionImage } from '../../helpers/functions.ts';
import { askable, neededBytes } from '../../helpers/needed-memory.ts';
import { until } from '../../helpers/poll.ts';
import { startHost, tasksOf, type TestHost } from '../functions/setup.ts';
import { ask, callOf, deploy, scale, update } from '../lifecycle/setup.ts';
import { OddCallers } from './odd-callers.ts';

/** 1800 by test/soak/calls.sh. */
const seconds = Number(process.env.BERTH_TEST_SOAK_SECONDS ?? 30);
const proxy = process.env.BERTH_TEST_PROXY ?? 'fast';
const looks = 30;
const callers = 16;

let host: TestHost;
test.before(async () => {
  const program = [askable, join(import.meta.dirname, '../../../src/main.ts')];
  host = await startHost({ program, env: { proxy, log_level: 'info', networks_ready: '2' } });
});
test.after.always(() => host?.stop());
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-8000));
});

interface Look {
  megabytes: number;
  files: number;
}

async function look(): Promise<Look> {
  const { pid } = host.berth;
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const megabytes = Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
  return { megabytes, files: (await readdir(`/proc/${pid}/fd`)).length };
}

async function neededMegabytes(): Promise<number> {
  return Math.round((await neededBytes(host.berth)) / 1e5) / 10;
}

/** The calls a second that the function gets through berth and these callers when nothing else is done. */
async function fullLoad(url: string): Promise<number> {
  const all = new OddCallers(url);
  all.steady(callers);
  await sleep(3000);
  await all.stop();
  if (all.tally.failures.length > 0) throw new Error(all.tally.failures.join('\n'));
  return all.tally.calls / 3;
}

/** New versions of the one that is called, and sleeps and wakes of two others, one after the other. */
async function change(image: string, round: number): Promise<void> {
  const { berth } = host;
  await update(berth, { service: 'steady', image, envVars: { VERSION: `v${round}` } });
  for (const name of ['cold', 'standby']) {
    await scale(berth, name, 0);
    await until(async () => (await tasksOf(host.containerd, name)).length === 0, {
      timeoutMs: 60_000,
      message: `${name} to sleep`,
    });
    await callOf(berth, name);
  }
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

test.serial(
  `${seconds} s at half load with updates, wakes, callers that leave and slow ones: no call fails, nothing grows`,
  async (t) => {
    t.timeout((seconds + 300) * 1000);
    const { berth, registry } = host;
    const { reference: image } = await functionImage(registry);
    await deploy(berth, { service: 'steady', image });
    for (const depth of ['cold', 'standby']) {
      await deploy(berth, { service: depth, image, labels: { 'com.openfaas.scale.zero-depth': depth } });
    }
    const url = `${berth.url}/function/steady`;
    await until(() => callOf(berth, 'steady'), { message: 'the function to answer' });
    const full = await fullLoad(url);
    const third = looks / 3;
    let warm = NaN;
    const all = new OddCallers(url);
    all.steady(callers, full / 2);
    all.leaving(4);
    all.slow(4);

    const startMs = performance.now();
    const endMs = startMs + seconds * 1000;
    let rounds = 0;
    const changes = (async () => {
      for (; performance.now() < endMs; rounds++) {
        await change(image, rounds);
        await sleep(1000);
      }
    })();
    const seen: Look[] = [];
    for (let i = 0; i < looks; i++) {
      await sleep(Math.max(0, startMs + ((i + 1) * seconds * 1000) / looks - performance.now()));
      seen.push(await look());
      // Not before: code that is compiled, tables and logs that have a limit fill for some minutes.
      if (seen.length === third) warm = await neededMegabytes();
      const { failures, ...counts } = all.tally;
      console.log(JSON.stringify({ ...counts, failed: failures.length, changes: rounds, ...seen.at(-1) }));
    }
    await changes;
    await all.stop();
    t.deepEqual(all.tally.failures, []);
    t.true(all.tally.left > 0 && all.tally.slow > 0 && rounds > 0);

    const grown = (of: keyof Look) =>
      median(seen.slice(-third).map((one) => one[of])) - median(seen.slice(0, third).map((one) => one[of]));
    const after = await neededMegabytes();
    const { calls } = all.tally;
    console.log(
      `${calls} calls, ${Math.round(full)} a second at full load; resident grown by ${grown('megabytes')} MB`,
    );
    console.log(`the heap without garbage: ${warm} MB after a third of the time, ${after} MB after all of it`);
    t.true(after - warm < 8, `${warm} MB, then ${after} MB`);
    if (seconds >= 600) t.true(grown('megabytes') < 40, JSON.stringify(seen));
    t.true(grown('files') < 20, JSON.stringify(seen));
    await ask(berth, 'GET', '/healthz');
  },
);
