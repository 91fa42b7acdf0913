import test from 'ava';
import { env, scale, ScaledWorld } from './scaled-world.ts';

const labels = scale({ max: '10', factor: '50' });

/** As the handler of alerts does it. */
async function fire(world: ScaledWorld, to: number): Promise<void> {
  const from = world.replicas ?? 0;
  await world.provider.scale(env, to);
  world.holds.fired(env, 'busy', { from, to });
}

test('what an alert added stays while the load wants less', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('env', 1, labels);
  await world.pass(60, { rps: 3 });
  await fire(world, 6);
  await world.pass(60, { rps: 3 });
  t.is(world.replicas, 6);
  await fire(world, 10);
  await world.pass(60);
  t.is(world.replicas, 10);
  t.is(world.holds.resolved(env, 'busy', 10), 1);
  await world.pass(2);
  t.is(world.replicas, 1);
});

test('it does not put to sleep what an alert holds awake', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('env', 1, scale({ zero: 'true', 'zero-duration': '1m' }));
  await fire(world, 5);
  await world.pass(300);
  t.is(world.replicas, 5);
  world.holds.resolved(env, 'busy', 5);
  await world.pass(2);
  t.is(world.replicas, 0);
});

test('more load than that adds replicas, which stay when the alert is over', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('env', 1, labels);
  await world.pass(60);
  await fire(world, 6);
  await world.pass(30, { rps: 40 });
  t.is(world.replicas, 8);
  t.is(world.holds.resolved(env, 'busy', 8), 8);
});

test('it is taken back from a function that no load scales', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('env', 1, scale({ min: '1', factor: '10' }));
  await fire(world, 3);
  await world.pass(10, { rps: 20 });
  t.is(world.replicas, 3);
  t.is(world.holds.resolved(env, 'busy', 3), 1);
});

test('replicas that a person takes away do not come back', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('env', 1, labels);
  await world.pass(60);
  await fire(world, 6);
  await world.provider.scale(env, 2);
  await world.pass(10);
  t.is(world.replicas, 2);
});

test('a function that is gone is forgotten', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('env', 1, labels);
  await fire(world, 6);
  await world.provider.remove(env);
  await world.pass(1);
  t.is(world.holds.resolved(env, 'busy', 6), undefined);
});
