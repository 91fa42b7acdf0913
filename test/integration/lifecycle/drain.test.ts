import test from 'ava';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { replicasOf, startHost, untilAvailable, type TestHost } from '../functions/setup.ts';
import { heldCall } from './load.ts';
import { addressesOf, askReplica, callOf, deploy, logged, remove, scale, update } from './setup.ts';

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

const idsOf = (name: string) => replicasOf(host.containerd, name);

/** Calls that take this long, one on each of the replicas, all under way; POST, so that a broken one is not made again. */
async function longCalls(name: string, ms: number, replicas: number): Promise<Promise<{ status: number }>[]> {
  const calls = Array.from({ length: replicas }, () =>
    host.berth.invoke(`${name}/sleep/${ms}`, { method: 'POST' }).catch(() => ({ status: 0 })),
  );
  await until(async () => {
    const addresses = await addressesOf(host.berth, name);
    const peaks = await Promise.all(addresses.map((address) => askReplica(address, '/peak')));
    return peaks.filter((peak) => peak.startsWith('1 ')).length === replicas;
  });
  return calls;
}

async function untilOnly(name: string, count: number, old: string[] = []): Promise<void> {
  await until(
    async () => {
      const ids = await idsOf(name);
      return ids.length === count && !ids.some((id) => old.includes(id));
    },
    { timeoutMs: 20_000, message: `${count} replicas of ${name}` },
  );
}

test('calls of 3 s on each replica end well when all but one are scaled down, and new calls are served meanwhile', async (t) => {
  const { berth } = host;
  await deploy(berth, { service: 'shrinking', image: one });
  await scale(berth, 'shrinking', 3);
  await untilAvailable(berth, 'shrinking', 3);
  const calls = await longCalls('shrinking', 3000, 3);
  await scale(berth, 'shrinking', 1);
  t.is(await callOf(berth, 'shrinking'), 'one shrinking');
  t.deepEqual(
    (await Promise.all(calls)).map(({ status }) => status),
    [200, 200, 200],
  );
  await untilOnly('shrinking', 1);
});

for (const name of ['busy-first', 'busy-second']) {
  test(`scaling down takes the idle replica: ${name}`, async (t) => {
    const { berth } = host;
    // A replica that is taken away while it is busy would cut its call after a second.
    await deploy(berth, { service: name, image: one, envVars: { write_timeout: '1s' } });
    await scale(berth, name, 2);
    await untilAvailable(berth, name, 2);
    // The next call goes to the other one.
    if (name === 'busy-second') await callOf(berth, name);
    const [call] = await longCalls(name, 5000, 1);
    await scale(berth, name, 1);
    t.is((await call)?.status, 200);
    await untilOnly(name, 1);
  });
}

test('a call of 3 s ends well when its function is removed', async (t) => {
  const { berth } = host;
  await deploy(berth, { service: 'leaving', image: one });
  const [call] = await longCalls('leaving', 3000, 1);
  await remove(berth, 'leaving');
  t.is((await berth.invoke('leaving')).status, 404);
  t.is((await call)?.status, 200);
  await untilOnly('leaving', 0);
});

test('a version that ignores SIGTERM is killed once the next one serves', async (t) => {
  const { berth } = host;
  await deploy(berth, { service: 'stubborn', image: one, envVars: { IGNORE_SIGTERM: '1' } });
  const old = await idsOf('stubborn');
  await update(berth, { service: 'stubborn', image: two });
  await untilOnly('stubborn', 1, old);
  t.is(await callOf(berth, 'stubborn'), 'two stubborn');
});

for (const [setting, name] of [
  ['write_timeout', 'writing'],
  ['grace_period', 'graceful'],
] as const) {
  test(`a call that outlasts the function's own ${setting} holds an update's end no longer`, async (t) => {
    const { berth } = host;
    await deploy(berth, { service: name, image: one, envVars: { [setting]: '1s', IGNORE_SIGTERM: '1' } });
    const old = await idsOf(name);
    const [call] = await longCalls(name, 60_000, 1);
    await update(berth, { service: name, image: two });
    // Far sooner than the 30 s that a function without the setting gets.
    await untilOnly(name, 1, old);
    t.is((await call)?.status, 502);
  });
}

test('SIGTERM comes only after the last call, and to a version that is no longer called', async (t) => {
  const { berth } = host;
  await deploy(berth, { service: 'orderly', image: one });
  const letGo = await heldCall(berth, 'orderly');
  await update(berth, { service: 'orderly', image: two });
  const steps = async () => (await logged(berth, 'reconcile step', 'orderly')).map(({ step }) => step);
  await until(async () => (await steps()).includes('drain'));
  t.false((await steps()).includes('stop-task'));
  t.is((await letGo()).status, 200);
  await until(async () => (await steps()).includes('stop-task'));
  await untilOnly('orderly', 1);
});
