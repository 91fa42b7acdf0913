import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AsyncList } from '../../src/gateway/index.ts';
import type { TestBerth } from '../helpers/berth.ts';
import { functionImage } from '../helpers/functions.ts';
import { startNatsServer } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { ask, deploy } from '../integration/lifecycle/setup.ts';
import { startProgram } from './program.ts';
import { deployed, startWorld, type Bench, type World } from './world.ts';
import { load } from './wrk.ts';

const group = 'async';
const bodyBytes = 1024;

/** Accepts asynchronous calls, and makes them, with the queue on the disk and in NATS JetStream. */
export async function benchAsync(bench: Bench): Promise<void> {
  await benchFloor(bench);
  {
    await using world = await startWorld(bench);
    await benchStore(bench, world, 'disk');
  }
  await using nats = await startNatsServer({ jetstream: 'sync_interval: always' });
  await using world = await startWorld(bench, { nats_url: `nats://${nats.host}` });
  await benchStore(bench, world, 'NATS');
}

async function benchFloor(bench: Bench): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'plain-store-'));
  {
    await using plain = await startProgram('plain-store.ts', folder);
    await accepts(bench, plain.url, 'a file each');
  }
  await rm(folder, { recursive: true });
}

async function benchStore(bench: Bench, world: World, store: string): Promise<void> {
  const { berth, registry, image } = world;
  const labels = { 'com.openfaas.async.concurrency': '1' };
  await deploy(berth, { service: 'held', image: (await functionImage(registry)).reference, labels });
  await deployed(berth, { service: 'bench', image, envVars: { VERSION: 'ok' } });
  bench.say(`asynchronous calls are accepted and made, queue: ${store}`);
  // One of them is made, and the others wait for it.
  await accepts(bench, `${berth.url}/async-function/held/sleep/600000`, store);
  for (let round = 0; round < (bench.quick ? 1 : 3); round++) await makes(bench, berth, store);
}

async function accepts({ figures, quick }: Bench, url: string, contender: string): Promise<void> {
  for (const connections of [1, 32]) {
    const callers = connections === 1 ? '1 caller' : `${connections} callers`;
    for (let round = 0; round < (quick ? 1 : 3); round++) {
      const { perSecond, p50Ms, p99Ms, failed } = await load(url, { connections, bodyBytes, seconds: 2 });
      if (failed > 0) throw new Error(`${contender}: ${failed} calls were not accepted`);
      figures.add(group, `accept, ${callers}: rate`, '/s', contender, perSecond);
      figures.add(group, `accept, ${callers}: p50`, 'ms', contender, p50Ms);
      figures.add(group, `accept, ${callers}: p99`, 'ms', contender, p99Ms);
    }
  }
}

/** Calls a second from the first that is accepted to the last that is made, beside as many at once that are waited for. */
async function makes({ figures, quick }: Bench, berth: TestBerth, store: string): Promise<void> {
  const seconds = quick ? 1 : 3;
  const before = await endedOf(berth);
  const startMs = performance.now();
  const { answered } = await load(`${berth.url}/async-function/bench`, { connections: 32, bodyBytes, seconds });
  const ended = await until(
    async () => {
      const { pending, done } = await countsOf(berth);
      return pending === 0 && done - before >= answered ? done - before : undefined;
    },
    { timeoutMs: 300_000, intervalMs: 20, message: 'all calls to be made' },
  );
  figures.add(group, 'accept and make: rate', '/s', store, (ended * 1000) / (performance.now() - startMs));
  const waited = await load(`${berth.url}/function/bench`, { connections: 10, bodyBytes, seconds });
  figures.add(group, 'accept and make: rate', '/s', 'waited for', waited.perSecond);
}

async function endedOf(berth: TestBerth): Promise<number> {
  return (await countsOf(berth)).done;
}

async function countsOf(berth: TestBerth): Promise<{ pending: number; done: number }> {
  const { functions } = JSON.parse(await ask(berth, 'GET', '/system/async?function=bench&limit=1')) as AsyncList;
  const { queued = 0, running = 0, done = 0 } = functions.find(({ name }) => name === 'bench') ?? {};
  return { pending: queued + running, done };
}
