import { Agent } from 'node:http';
import test from 'ava';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { startHost, statusOf, tasksIn, untilAvailable, type TestHost } from '../functions/setup.ts';
import { call } from './load.ts';
import { countEvents, deploy, putToSleep, remove } from './setup.ts';

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

for (const depth of ['cold', 'standby']) {
  test.serial(
    `500 callers at once of a ${depth} function that needs 2 s to start are all answered by one start of each replica`,
    async (t) => {
      const { berth, containerd } = host;
      await deploy(berth, {
        service: depth,
        image,
        envVars: { START_DELAY_MS: '2000' },
        labels: { 'com.openfaas.scale.min': '2', 'com.openfaas.scale.zero-depth': depth },
      });
      await untilAvailable(berth, depth, 2);
      await putToSleep(berth, containerd, depth);
      await using starts = await countEvents(containerd, '/tasks/start');
      const agent = new Agent({ keepAlive: true });
      const replies = await Promise.all(Array.from({ length: 500 }, () => call(berth, depth, agent)));
      agent.destroy();
      t.deepEqual(
        replies.filter(({ status }) => status !== 200),
        [],
      );
      await untilAvailable(berth, depth, 2);
      t.is(starts.count, 2);
      await remove(berth, depth);
    },
  );
}

test.serial(
  'a function that stands by has a created task, sleeps on when the daemon ends, and wakes without a new one',
  async (t) => {
    const { berth, containerd } = host;
    const labels = { 'com.openfaas.scale.zero-depth': 'standby' };
    await deploy(berth, { service: 'dozing', image, labels });
    await putToSleep(berth, containerd, 'dozing');
    const asleep = await untilCreated();
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await berth.kill(signal);
      await berth.start();
      t.like(await statusOf(berth, 'dozing'), { replicas: 0, availableReplicas: 0 });
      t.deepEqual(await tasksIn(containerd), asleep, `after ${signal}`);
    }
    t.is((await berth.invoke('dozing')).status, 200);
    const awake = await tasksIn(containerd);
    t.deepEqual(
      awake,
      asleep.map((task) => ({ ...task, status: 'RUNNING' })),
      'the same process, started',
    );
    await remove(berth, 'dozing');
  },
);

async function untilCreated() {
  return until(async () => {
    const tasks = await tasksIn(host.containerd);
    return tasks.length === 1 && tasks[0]?.status === 'CREATED' ? tasks : undefined;
  });
}
