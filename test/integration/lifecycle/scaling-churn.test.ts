import test from 'ava';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { replicasOf, restarts, startHost, statusOf, untilAvailable, type TestHost } from '../functions/setup.ts';
import { pacedLoad } from './load.ts';
import { deploy, logged, scale } from './setup.ts';

let host: TestHost;
test.before(async () => {
  host = await startHost();
});
test.after.always(() => host?.stop());

test.serial(
  'scaled up and down again and again under traffic, a function fails no call and counts no crash',
  async (t) => {
    const { berth, containerd, registry } = host;
    const { reference: image } = await functionImage(registry);
    await deploy(berth, { service: 'tide', image });
    await using load = pacedLoad(berth, 'tide', 100, 8);
    for (const replicas of [6, 1, 5, 2, 6, 1]) {
      await scale(berth, 'tide', replicas);
      await untilAvailable(berth, 'tide', replicas);
    }
    const { failures } = await load.stop();
    t.deepEqual(failures, []);
    await until(async () => (await replicasOf(containerd, 'tide')).length === 1, { timeoutMs: 20_000 });
    t.deepEqual(await logged(berth, 'replica exited', 'tide'), []);
    t.is((await statusOf(berth, 'tide')).annotations[restarts], undefined);
  },
);
