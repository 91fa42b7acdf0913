/** A thousand functions that sleep: what they ask of containerd, in calls and not in time. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { startBerth, type TestBerth } from '../../helpers/berth.ts';
import { startContainerd } from '../../helpers/containerd.ts';
import { callsSoFar, metricsConfig } from '../../helpers/containerd-calls.ts';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { startRegistry } from '../../helpers/registry.ts';
import { listOf, untilAvailable } from '../functions/setup.ts';

const count = 1000;
/** What a daemon asks at its start or after one of containerd's, whatever the number of functions, and waking three; with room. */
const fewCalls = 250;

const sum = (counted: Map<string, number>) => [...counted.values()].reduce((total, times) => total + times, 0);
const containerLists = (counted: Map<string, number>) =>
  (counted.get('containers.v1.Containers/List') ?? 0) + (counted.get('containers.v1.Containers/ListStream') ?? 0);

/** Writes the records of functions that sleep as the store does, each like the one that is there. */
async function copyModel(berth: TestBerth): Promise<void> {
  const folder = join(berth.folder, 'data/functions/openfaas-fn');
  const model = await readFile(join(folder, 'model.json'), 'utf8');
  for (let i = 0; i < count; i++) {
    const record = model.replace('"name": "model"', `"name": "asleep-${i}"`);
    await writeFile(join(folder, `asleep-${i}.json`), record, { mode: 0o600 });
  }
}

async function answers(berth: TestBerth, service: string): Promise<string> {
  const { status, text } = await berth.invoke(`${service}/env/OPENFAAS_NAME`);
  return `${status} ${text.trim()}`;
}

test('with a thousand functions asleep, a start and a resync ask containerd as little as with one; each wakes', async (t) => {
  t.timeout(120_000);
  await using containerd = await startContainerd({ config: metricsConfig });
  await using registry = await startRegistry();
  await using berth = await startBerth({ containerd, env: { log_level: 'info' } });
  const { reference: image } = await functionImage(registry);
  await berth.api('POST', '/system/functions', { service: 'model', image });
  await untilAvailable(berth, 'model', 1);
  await berth.api('POST', '/system/scale-function/model', { serviceName: 'model', replicas: 0 });
  await untilAvailable(berth, 'model', 0);
  await berth.kill();
  await copyModel(berth);

  const before = await callsSoFar();
  await berth.start();
  const listed = await listOf(berth);
  t.is(listed.length, count + 1);
  t.true(listed.every(({ replicas, availableReplicas }) => replicas === 0 && availableReplicas === 0));
  for (const name of ['asleep-0', 'asleep-500', 'asleep-999']) t.is(await answers(berth, name), `200 ${name}`);
  const started = await callsSoFar();
  const startCalls = sum(started) - sum(before);
  const startLists = containerLists(started) - containerLists(before);
  t.log(`start and three wakes: ${startCalls} calls, ${startLists} lists of containers`);
  t.true(startCalls > 0 && startCalls < fewCalls, [...started].join('\n'));
  t.true(startLists < 20);

  // Its figures begin anew, and all functions are compared with what it has.
  await containerd.restart();
  await until(async () => containerLists(await callsSoFar().catch(() => new Map<string, number>())) > 0, {
    timeoutMs: 30_000,
    message: 'containerd to be asked again',
  });
  for (const name of ['asleep-1', 'asleep-501', 'asleep-998']) t.is(await answers(berth, name), `200 ${name}`);
  t.is((await listOf(berth)).filter(({ availableReplicas }) => availableReplicas === 1).length, 6);
  const resynced = await callsSoFar();
  t.log(`resync and three wakes: ${sum(resynced)} calls, ${containerLists(resynced)} lists of containers`);
  t.true(sum(resynced) < fewCalls, [...resynced].join('\n'));
  t.true(containerLists(resynced) < 20);
});
