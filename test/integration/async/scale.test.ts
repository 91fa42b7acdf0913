/** Functions whose replicas come and go while asynchronous calls wait for them: none of the calls is lost or made twice. */
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { startHost, statusOf, type TestHost } from '../functions/setup.ts';
import { deploy, scale } from '../lifecycle/setup.ts';
import { callsOf, linesOf, queueCall, untilEnded } from './called.ts';

/** See test/soak/async-scale.sh: so many take longer than a rise is kept, and replicas are stopped while others are called. */
const calls = Number(process.env['BERTH_TEST_ASYNC_CALLS'] ?? 100);
const drainMs = 60_000 + calls * 250;

let host: TestHost;
let image: string;
test.before(async () => {
  host = await startHost({ env: { async_concurrency: '100' } });
  image = (await functionImage(host.registry)).reference;
});
test.after.always(() => host?.stop());
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-20_000));
});

const byQueue = {
  'com.openfaas.scale.type': 'queue',
  'com.openfaas.scale.target': '10',
  'com.openfaas.scale.target-proportion': '1',
  'com.openfaas.scale.max': '5',
};

function untilReplicas(name: string, isWanted: (replicas: number) => boolean): Promise<number> {
  return until(
    async () => {
      const { replicas, availableReplicas } = await statusOf(host.berth, name);
      return replicas === availableReplicas && isWanted(replicas) ? { replicas } : undefined;
    },
    { timeoutMs: drainMs, intervalMs: 200, message: `other replicas of ${name}` },
  ).then(({ replicas }) => replicas);
}

/** Queues calls that write a line each. */
async function queueNotes(name: string, count: number, ms: number): Promise<string[]> {
  const notes = Array.from({ length: count }, (_, at) => `note ${at}.`);
  await Promise.all(notes.map((note) => queueCall(host.berth, `${name}/note/${ms}/${encodeURIComponent(note)}`)));
  return notes.sort();
}

/** Each call was made once, and so the function has seen it. */
async function checkOnce(t: ExecutionContext, name: string, notes: string[]): Promise<void> {
  const made = await untilEnded(host.berth, name, notes.length, drainMs);
  const outcomes = made.map(({ state, attempts, lastStatus }) => `${state} ${attempts} ${lastStatus}`);
  t.deepEqual([...new Set(outcomes)], ['done 1 200']);
  t.is(made.length, notes.length);
  const seen = (await linesOf(host.berth, name)).filter((line) => line.startsWith('note '));
  t.deepEqual(seen.sort(), notes);
}

test(`${calls} slow calls bring five replicas, which leave as the queue drains`, async (t) => {
  t.timeout(2 * drainMs);
  const started = Date.now();
  await deploy(host.berth, { service: 'crowd', image, labels: byQueue });
  const notes = await queueNotes('crowd', calls, 4000);
  await untilReplicas('crowd', (replicas) => replicas === 5);
  const counts = new Set<number>();
  let pending = calls;
  while (pending > 0) {
    counts.add((await statusOf(host.berth, 'crowd')).replicas);
    pending = (await callsOf(host.berth, 'crowd')).filter(({ endedAt }) => endedAt === undefined).length;
    await sleep(250);
  }
  t.log({ calls, seconds: (Date.now() - started) / 1000, replicasWhileCalled: [...counts] });
  await checkOnce(t, 'crowd', notes);
  await untilReplicas('crowd', (replicas) => replicas === 1);
});

test('replicas that a person takes away while they are called end their calls first', async (t) => {
  await deploy(host.berth, { service: 'fewer', image, labels: { 'com.openfaas.scale.min': '4' } });
  const notes = await queueNotes('fewer', 60, 1500);
  await until(async () => (await linesOf(host.berth, 'fewer')).some((line) => line.startsWith('note ')));
  await scale(host.berth, 'fewer', 1);
  await checkOnce(t, 'fewer', notes);
});

test('a function that a person puts to sleep while calls wait is woken by the next', async (t) => {
  const labels = { 'com.openfaas.async.concurrency': '4' };
  await deploy(host.berth, { service: 'held', image, labels });
  const notes = await queueNotes('held', 12, 1500);
  await until(async () => (await linesOf(host.berth, 'held')).some((line) => line.startsWith('note ')));
  await scale(host.berth, 'held', 0);
  await checkOnce(t, 'held', notes);
  t.is((await statusOf(host.berth, 'held')).replicas, 1);
});

test('a sleeping function is woken by a queued call, and stays awake until its last attempt', async (t) => {
  const labels = {
    'com.openfaas.scale.zero': 'true',
    'com.openfaas.scale.zero-duration': '2s',
    'com.openfaas.retry.attempts': '2',
    'com.openfaas.retry.min_wait': '7s',
    'com.openfaas.retry.max_wait': '7s',
  };
  await deploy(host.berth, { service: 'sleeper', image, labels });
  await untilReplicas('sleeper', (replicas) => replicas === 0);
  await queueCall(host.berth, 'sleeper/status/503');
  await until(async () => (await callsOf(host.berth, 'sleeper')).some(({ lastStatus }) => lastStatus === 503), {
    timeoutMs: 60_000,
    message: 'the first attempt',
  });
  const seen = new Set<number>();
  await until(
    async () => {
      seen.add((await statusOf(host.berth, 'sleeper')).replicas);
      return (await callsOf(host.berth, 'sleeper')).every(({ state }) => state === 'failed');
    },
    { timeoutMs: 60_000, message: 'the second attempt' },
  );
  t.deepEqual([...seen], [1]);
  t.is((await callsOf(host.berth, 'sleeper'))[0]?.attempts, 2);
  await untilReplicas('sleeper', (replicas) => replicas === 0);
});
