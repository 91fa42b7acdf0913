import test from 'ava';
import { EventFeed } from '../../../../src/provider/index.ts';
import { env, scale, ScaledWorld } from './scaled-world.ts';

const labels = scale({ min: '1', max: '5', type: 'rps', target: '10', zero: 'true', 'zero-duration': '10s' });

/** A world that counts how often its functions are listed while the seconds pass as they do for the daemon. */
function countedWorld() {
  const world = new ScaledWorld();
  let listed = 0;
  const { provider } = world;
  const list = provider.list.bind(provider);
  provider.list = (namespace) => {
    listed += 1;
    return list(namespace);
  };
  const listsIn = async (seconds: number) => {
    const before = listed;
    await world.passAsRun(seconds);
    return listed - before;
  };
  return { world, provider, listsIn };
}

test('while all that scales sleeps and nobody calls, functions are listed every 5 seconds', async (t) => {
  const { provider, listsIn } = countedWorld();
  const status = provider.add('env', 1, labels);
  provider.add('without-labels', 1, {});
  t.is(await listsIn(9), 9);
  t.is(status.replicas, 1);
  await listsIn(3);
  t.is(status.replicas, 0);
  t.is(await listsIn(20), 4);
  status.replicas = 1;
  await listsIn(5);
  t.is(await listsIn(3), 3);
});

test('a call is seen within a second', async (t) => {
  const { world, provider, listsIn } = countedWorld();
  provider.add('env', 0, labels);
  await listsIn(6);
  t.is(await listsIn(3), 0);
  world.invocations.begin(env);
  t.is(await listsIn(1), 1);
});

test('where the back end tells what happens to functions they are listed once in 20 seconds, and when it does', async (t) => {
  const { world, provider, listsIn } = countedWorld();
  const events = (world.events = new EventFeed());
  world.restart();
  provider.add('env', 0, labels);
  await listsIn(1);
  t.is(await listsIn(40), 2);
  events.tell({ kind: 'part-unwell', text: 'the network is not as it should be' });
  t.is(await listsIn(1), 0);
  const status = provider.add('env', 1, labels);
  events.tell({ ...env, kind: 'woken', text: 'was woken by hand' });
  t.is(await listsIn(9), 9, 'it is awake');
  await listsIn(3);
  t.is(status.replicas, 0);
});

test('functions that sleep as they did are looked at one by one once a minute', async (t) => {
  const world = new ScaledWorld();
  const { provider } = world;
  const status = provider.add('env', 0, labels);
  let looks = 0;
  Object.defineProperty(status, 'labels', {
    get: () => {
      looks += 1;
      return labels;
    },
  });
  const kept = [status];
  provider.list = () => Promise.resolve(kept);
  await world.passAsRun(10);
  const [before] = [looks, (looks = 0)];
  await world.passAsRun(40);
  t.is(looks, 0);
  await world.passAsRun(30);
  t.true(looks > 0 && looks <= before);
});
