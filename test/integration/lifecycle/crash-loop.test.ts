import test from 'ava';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { startHost, statusOf, taskOf, untilAvailable, untilStatus, type TestHost } from '../functions/setup.ts';
import { pacedLoad } from './load.ts';
import { callOf, deploy, logged, update } from './setup.ts';

let host: TestHost;
let one: string;
let two: string;
test.before(async () => {
  host = await startHost();
  one = (await functionImage(host.registry, { tag: 'one', env: ['VERSION=one'] })).reference;
  two = (await functionImage(host.registry, { tag: 'two', env: ['VERSION=two'] })).reference;
});
test.after.always(() => host?.stop());
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-20_000));
});

test('each crash of a function that ends at its start makes the next start wait longer, and an update mends it', async (t) => {
  const { berth } = host;
  await deploy(berth, { service: 'looping', image: one, envVars: { EXIT_AT_START: '7' } });
  const exits = await until(
    async () => {
      const lines = await logged(berth, 'replica exited', 'looping');
      return lines.length >= 5 ? lines : undefined;
    },
    { timeoutMs: 30_000, message: 'five exits' },
  );
  const waits = exits.slice(0, 5).map(({ restartInMs }) => Number(restartInMs));
  t.is(waits[0], 0, 'the first start after a crash is at once');
  t.deepEqual(
    waits,
    [...waits].sort((a, b) => a - b),
  );
  t.true((waits[4] ?? 0) >= 4 * (waits[1] ?? Infinity), waits.join());
  t.regex((await statusOf(berth, 'looping')).berth.lastExit ?? '', /exited with code 7/);
  const refused = await berth.invoke('looping');
  t.is(refused.status, 503, 'a call is not held for a start that is far away');
  t.regex(refused.text, /^No endpoints available for: looping, its process ended\.\n?$/);
  t.true(Number(refused.headers.get('retry-after')) > 1);
  await update(berth, { service: 'looping', image: two });
  t.is(await callOf(berth, 'looping'), 'two looping');
});

test('a new version that is ready and then crashes again and again is rolled back by itself, once', async (t) => {
  const { berth } = host;
  await deploy(berth, { service: 'regret', image: one });
  await update(berth, { service: 'regret', image: two });
  await until(
    async () => {
      await berth.invoke('regret/exit/9', { method: 'POST' });
      return (await statusOf(berth, 'regret')).berth.failedUpdate !== undefined;
    },
    { timeoutMs: 30_000, message: 'the rollback' },
  );
  const status = await untilStatus(
    berth,
    'regret',
    ({ image, availableReplicas }) => image === one && availableReplicas === 1,
  );
  t.regex(status.berth.failedUpdate ?? '', /rolled back: it crashed again and again/);
  // One of the calls that end the process may have come to the version before.
  await until(async () => (await callOf(berth, 'regret')) === 'one regret');
  t.is((await logged(berth, 'rolling back to the previous version', 'regret')).length, 1);
});

test('a process that is killed again and again under traffic fails no call: callers wait for the next one', async (t) => {
  const { berth, containerd } = host;
  await deploy(berth, { service: 'target', image: one });
  await using load = pacedLoad(berth, 'target', 100, 8);
  for (let times = 1; times <= 2; times += 1) {
    const { pid } = await taskOf(containerd, 'target');
    process.kill(pid, 'SIGKILL');
    await untilStatus(
      berth,
      'target',
      ({ berth: { restarts }, availableReplicas }) => restarts === times && availableReplicas === 1,
    );
  }
  t.deepEqual((await load.stop()).failures, []);
});

test('a version that crashes once after its update is not rolled back', async (t) => {
  const { berth } = host;
  await deploy(berth, { service: 'shaky', image: one });
  await update(berth, { service: 'shaky', image: two });
  await berth.invoke('shaky/exit/9', { method: 'POST' });
  await until(async () => (await logged(berth, 'replica exited', 'shaky')).length > 0);
  const { image, berth: facts } = await untilAvailable(berth, 'shaky', 1);
  t.is(image, two);
  t.is(facts.failedUpdate, undefined);
});

test('a rollback that is asked for fails no call, can be taken back by another, and needs a previous version', async (t) => {
  const { berth } = host;
  const rollBack = () => berth.api('POST', '/system/rollback-function/swing');
  t.is((await rollBack()).status, 404);
  await deploy(berth, { service: 'swing', image: one, envVars: { WHICH: 'first' } });
  const early = await rollBack();
  t.is(early.status, 409, early.text);
  await update(berth, { service: 'swing', image: two, envVars: { WHICH: 'second' } });
  await using load = pacedLoad(berth, 'swing', 100, 4);
  for (const [image, which] of [
    [one, 'first'],
    [two, 'second'],
  ] as const) {
    t.is((await rollBack()).status, 202);
    await untilStatus(berth, 'swing', (status) => status.image === image && status.availableReplicas === 1);
    await until(async () => (await callOf(berth, 'swing/env/WHICH')) === which, { message: `${which} to serve` });
  }
  const { failures, answers } = await load.stop();
  t.deepEqual(failures, []);
  t.deepEqual([...answers.keys()].sort(), ['one swing', 'two swing']);
  t.regex((await statusOf(berth, 'swing')).berth.failedUpdate ?? '', /rolled back: it was asked for/);
});
