import test from 'ava';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { replicasOf, startHost, statusOf, untilStatus, type TestHost } from '../functions/setup.ts';
import { ask, deploy, update } from './setup.ts';
import { pacedLoad } from './load.ts';

/** 30 by test/soak/lifecycle.sh. */
const updates = Number(process.env.BERTH_TEST_UPDATES ?? 6);

const restarts = 2;

let host: TestHost;
test.before(async () => {
  host = await startHost();
});
test.after.always(() => host?.stop());
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-8000));
});

test.serial(
  `at 300 calls a second, ${updates} updates between two images and ${restarts} restarts fail or refuse no call`,
  async (t) => {
    t.timeout(600_000);
    const { berth, containerd, registry } = host;
    const versions = ['one', 'two'];
    const images = await Promise.all(
      versions.map(async (tag) => (await functionImage(registry, { tag, env: [`VERSION=${tag}`] })).reference),
    );
    const [one = '', two = ''] = images;
    await deploy(berth, { service: 'swing', image: one });
    await using load = pacedLoad(berth, 'swing', 300);
    for (let round = 1; round <= updates; round += 1) {
      await update(berth, { service: 'swing', image: round % 2 === 1 ? two : one });
    }
    // A restart is no version, and must cost no call either.
    for (let round = 1; round <= restarts; round += 1) {
      const { generation } = (await statusOf(berth, 'swing')).berth;
      await ask(berth, 'POST', '/system/restart-function/swing');
      await untilStatus(berth, 'swing', (now) => now.berth.generation !== generation);
    }
    t.is((await statusOf(berth, 'swing')).berth.previous?.image, updates % 2 === 1 ? one : two);
    const { calls, perSecond, failures, answers } = await load.stop();
    console.log(`${calls} calls, ${perSecond} a second, ${updates} updates`);
    t.deepEqual(failures, []);
    t.deepEqual([...answers.keys()].sort(), ['one swing', 'two swing']);
    await until(async () => (await replicasOf(containerd, 'swing')).length === 1, {
      timeoutMs: 40_000,
      message: 'old replicas to go',
    });
  },
);
