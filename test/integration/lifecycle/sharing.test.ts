import { Agent } from 'node:http';
import test from 'ava';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { startHost, untilAvailable, type TestHost } from '../functions/setup.ts';
import { call, crowd, heldCall, type Reply } from './load.ts';
import { addressesOf, askReplica, callOf, deploy, scale } from './setup.ts';

let host: TestHost;
let image: string;
test.before(async () => {
  host = await startHost();
  image = (await functionImage(host.registry)).reference;
});
test.after.always(() => host?.stop());
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-8000));
});

const oneAtATime = { SERIAL: '1', max_inflight: '1' };
const failed = (replies: Reply[]) => replies.filter(({ status }) => status !== 200);

test.serial('four replicas that serve one call at a time serve four at once, in even shares', async (t) => {
  const { berth } = host;
  await deploy(berth, { service: 'serial', image, envVars: oneAtATime });
  await scale(berth, 'serial', 4);
  await untilAvailable(berth, 'serial', 4);
  const held = await Promise.all(Array.from({ length: 4 }, () => heldCall(berth, 'serial')));
  for (const letGo of held) t.deepEqual(await letGo(), { status: 200, text: 'held' });

  const replies = await crowd(berth, 'serial/sleep/100', { callers: 40, calls: 160 });
  t.deepEqual(failed(replies), []);
  const addresses = await addressesOf(berth, 'serial');
  const counts = await Promise.all(
    addresses.map(async (ip) => (await askReplica(ip, '/peak')).trim().split(' ').map(Number)),
  );
  const shares = counts.map(([, total = 0]) => total);
  t.is(shares.length, 4);
  for (const share of shares) t.true(Math.abs(share - 40) <= 40 * 0.15, shares.join());
  t.deepEqual(
    counts.map(([peak]) => peak),
    [1, 1, 1, 1],
    'never more than one call at once',
  );
});

test.serial(
  'past the bound of held calls a further one is told at once to come again, and callers that leave make room',
  async (t) => {
    const { berth } = host;
    await deploy(berth, { service: 'narrow', image, envVars: { max_inflight: '1' } });
    const leaving = new AbortController();
    const agent = new Agent({ keepAlive: true });
    const refused: Reply[] = [];
    const held = Array.from({ length: 1100 }, async () => {
      const reply = await call(berth, 'narrow/sleep/9000', agent, leaving.signal);
      if (!leaving.signal.aborted) refused.push(reply);
    });
    await until(() => refused.length >= 75, { message: 'calls to be refused' });
    t.deepEqual(new Set(refused.map(({ status }) => status)), new Set([429]));
    for (const { retryAfter, text } of refused) t.regex(retryAfter ?? '', /^\d+$/, text);
    t.is(refused.length, 1100 - 1024 - 1);
    const [address] = await addressesOf(berth, 'narrow');
    t.is((await askReplica(address, '/peak')).trim(), '1 1', 'none of the held calls has come to it');
    leaving.abort();
    await Promise.all(held);
    agent.destroy();
    // A caller's end is no sign that it has left: it may wait for its answer, and is asked.
    t.is(await until(() => callOf(berth, 'narrow').catch(() => ''), { message: 'room' }), 'none narrow');
  },
);
