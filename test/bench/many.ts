/**
 * What functions that sleep cost: `sudo test/run bench test/bench/many.ts`. Prints, for a daemon with few and with many of
 * them, how long it takes to serve again after a restart, to deploy, to wake and to list, and what it takes while idle.
 */
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startBerth, type TestBerth } from '../helpers/berth.ts';
import { startContainerd } from '../helpers/containerd.ts';
import { functionImage } from '../helpers/functions.ts';
import { until } from '../helpers/poll.ts';
import { startRegistry } from '../helpers/registry.ts';

const counts = (process.argv[2] ?? '10,1000').split(',').map(Number);
const rounds = 7;
const idleMs = 15_000;
/** Clock ticks a second in /proc/PID/stat. */
const ticks = 100;

type Figures = Record<string, number>;

async function measure(count: number): Promise<Figures> {
  await using containerd = await startContainerd();
  await using registry = await startRegistry();
  const { reference: image } = await functionImage(registry);
  await using berth = await startBerth({ containerd, env: { log_level: 'info' } });
  await deploy(berth, 'model', image);
  await sleepNow(berth, 'model');
  await berth.kill();
  await copyModel(berth, count);
  const restarted = await timed(() => berth.start());
  await until(async () => (await list(berth)).length === count + 1, { message: 'all to be listed' });
  const deploys: number[] = [];
  const wakes: number[] = [];
  const lists: number[] = [];
  for (let i = 0; i < rounds; i++) {
    deploys.push(await timed(() => deploy(berth, `new-${i}`, image)));
    await sleepNow(berth, `new-${i}`);
    wakes.push(await timed(() => call(berth, `new-${i}`)));
    lists.push(await timed(() => list(berth)));
    await sleepNow(berth, `new-${i}`);
  }
  const cpu = await cpuSeconds(berth.pid);
  await sleep(idleMs);
  const idle = ((await cpuSeconds(berth.pid)) - cpu) / (idleMs / 1000);
  return {
    'restart to serving, ms': restarted,
    'deploy to first 200, ms': median(deploys),
    'wake to 200, ms': median(wakes),
    'list, ms': median(lists),
    'idle, % of a core': idle * 100,
    'resident, MB': await residentMegabytes(berth.pid),
  };
}

/** Gives the daemon as many functions as asked for beside the model, all asleep like it. */
async function copyModel(berth: TestBerth, count: number): Promise<void> {
  const folder = join(berth.folder, 'data/functions/openfaas-fn');
  const model = await readFile(join(folder, 'model.json'), 'utf8');
  for (let i = 0; i < count; i++) {
    const file = join(folder, `asleep-${i}.json`);
    await cp(join(folder, 'model.json'), file);
    await writeFile(file, model.replace('"name": "model"', `"name": "asleep-${i}"`));
  }
}

async function deploy(berth: TestBerth, service: string, image: string): Promise<void> {
  const labels = { 'com.openfaas.scale.zero': 'true', 'com.openfaas.scale.zero-duration': '1h' };
  const { status, text } = await berth.api('POST', '/system/functions', { service, image, labels });
  if (status >= 300) throw new Error(`deploy: ${status} ${text}`);
  await call(berth, service);
}

async function sleepNow(berth: TestBerth, service: string): Promise<void> {
  await berth.api('POST', `/system/scale-function/${service}`, { serviceName: service, replicas: 0 });
  await until(async () => (await list(berth)).find(({ name }) => name === service)?.availableReplicas === 0, {
    message: `${service} to sleep`,
  });
}

async function call(berth: TestBerth, service: string): Promise<void> {
  const { status, text } = await berth.invoke(service);
  if (status !== 200) throw new Error(`call: ${status} ${text}`);
}

async function list(berth: TestBerth): Promise<{ name: string; availableReplicas: number }[]> {
  const { text } = await berth.api('GET', '/system/functions');
  return JSON.parse(text) as { name: string; availableReplicas: number }[];
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await act();
  return performance.now() - startMs;
}

async function cpuSeconds(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / ticks;
}

async function residentMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1000;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

const measured: Figures[] = [];
for (const count of counts) measured.push(await measure(count));
const rows = Object.keys(measured[0] ?? {}).map((row) => {
  const figures = measured.map(({ [row]: figure = NaN }) => figure);
  const ratio = (figures.at(-1) ?? NaN) / (figures[0] ?? NaN);
  return [row, ...figures.map((figure) => figure.toFixed(1)), `${ratio.toFixed(2)} ×`];
});
for (const row of [['functions asleep', ...counts.map(String), 'ratio'], ...rows])
  console.log(row.map((cell, i) => (i === 0 ? cell.padEnd(26) : cell.padStart(10))).join(''));
