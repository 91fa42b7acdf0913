import test from 'ava';
import { env, scale, ScaledWorld } from './scaled-world.ts';

const minute = 60;
const sleepy = scale({ zero: 'true', 'zero-duration': '5m' });

test('a function without a call for its zero-duration is put to sleep', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('env', 1, sleepy);
  await world.pass(10, { rps: 1 });
  await world.pass(5 * minute - 2);
  t.is(world.replicas, 1);
  await world.pass(2);
  t.is(world.replicas, 0);
  t.deepEqual(world.provider.scaled, [['env', 0, { durable: false, by: 'load' }]]);
});

test('each function sleeps by its own label, those without it never', async (t) => {
  const world = new ScaledWorld();
  const never = world.provider.add('never', 1);
  const no = world.provider.add('no', 1, scale({ zero: 'false', 'zero-duration': '1s' }));
  const soon = world.provider.add('soon', 1, scale({ zero: 'true', 'zero-duration': '90s' }));
  const unsaid = world.provider.add('unsaid', 2, scale({ zero: 'true' }));
  await world.pass(95);
  t.deepEqual(
    [never, no, soon, unsaid].map(({ replicas }) => replicas),
    [1, 1, 0, 2],
  );
  await world.pass(15 * minute);
  t.deepEqual(
    [never, no, soon, unsaid].map(({ replicas }) => replicas),
    [1, 1, 0, 0],
  );
});

test('a function that is never called sleeps after its deploy', async (t) => {
  const world = new ScaledWorld();
  await world.pass(60 * minute);
  world.provider.add('env', 1, sleepy);
  await world.pass(5 * minute);
  t.is(world.replicas, 1);
  await world.pass(2);
  t.is(world.replicas, 0);
});

test('a call in flight holds it up, however long and quiet, and the idleness begins at its end', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('env', 1, sleepy);
  const [call] = world.begin(1);
  await world.pass(60 * minute);
  t.is(world.replicas, 1);
  call?.end(200);
  await world.pass(5 * minute - 1);
  t.is(world.replicas, 1);
  await world.pass(2);
  t.is(world.replicas, 0);
});

test('asynchronous calls that are queued or wait for another attempt hold it up, but do not wake it', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('env', 1, sleepy);
  world.pending = 1;
  await world.pass(60 * minute);
  t.is(world.replicas, 1);
  await world.provider.scale(env, 0);
  await world.pass(10);
  t.is(world.replicas, 0, 'a person has put it to sleep');
  await world.provider.scale(env, 1);
  await world.pass(6 * minute);
  t.is(world.replicas, 1);
  world.pending = 0;
  await world.pass(5 * minute - 1);
  t.is(world.replicas, 1, 'idle since the last of them has ended');
  await world.pass(2);
  t.is(world.replicas, 0);
});

test('a caller that is held until the function has started holds it up too', async (t) => {
  const world = new ScaledWorld();
  const status = world.provider.add('env', 0, sleepy);
  await world.pass(10);
  const release = world.invocations.hold(env);
  Object.assign(status, { replicas: 1, availableReplicas: 0 });
  await world.pass(10 * minute);
  t.is(world.replicas, 1);
  release();
});

test('what sleeps is left alone, whatever its labels ask for', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('env', 0, { ...sleepy, ...scale({ min: '2', max: '5' }) });
  await world.pass(20 * minute);
  t.deepEqual(world.provider.scaled, []);
});

test('a function that is woken by hand has its whole zero-duration again', async (t) => {
  const world = new ScaledWorld();
  const status = world.provider.add('env', 1, sleepy);
  await world.pass(6 * minute);
  t.is(world.replicas, 0);
  status.replicas = 1;
  await world.pass(5 * minute);
  t.is(world.replicas, 1);
  await world.pass(2);
  t.is(world.replicas, 0);
});

test('a function that is woken within the second of falling asleep is awake', async (t) => {
  const world = new ScaledWorld();
  const status = world.provider.add('env', 1, sleepy);
  await world.pass(1);
  for (let night = 0; night < 3; night += 1) {
    await world.pass(5 * minute - 1);
    t.is(world.replicas, 1);
    await world.pass(1);
    t.is(world.replicas, 0);
    status.replicas = 1;
    await world.pass(1);
    t.is(world.replicas, 1);
  }
});

test('a new version has its whole zero-duration again', async (t) => {
  const world = new ScaledWorld();
  const status = world.provider.add('env', 1, sleepy);
  await world.pass(4 * minute);
  status.createdAt = '2026-02-02T00:00:00Z';
  await world.pass(4 * minute);
  t.is(world.replicas, 1);
  await world.pass(1 * minute + 2);
  t.is(world.replicas, 0);
});

test('with a load rule it goes to min first and then to sleep', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('env', 1, scale({ max: '2', zero: 'true', 'zero-duration': '5m' }));
  await world.pass(60, { rps: 10 });
  t.is(world.replicas, 2);
  await world.pass(5 * minute + 2);
  t.deepEqual(
    world.provider.scaled.map(([, replicas]) => replicas),
    [2, 1, 0],
  );
});

test('calls of names that nobody knows are not remembered', async (t) => {
  const world = new ScaledWorld();
  const release = world.invocations.hold({ ...env, name: 'nobody' });
  await world.pass(1);
  release();
  t.notRegex(await world.registry.metrics(), /nobody/);
  t.is(world.invocations.count({ ...env, name: 'nobody' }), 0);
});
