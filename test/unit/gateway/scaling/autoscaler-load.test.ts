import test from 'ava';
import { env, scale, ScaledWorld } from './scaled-world.ts';

test('min 1, max 2: ten calls a second make two replicas within ten seconds, and one again within thirty of silence', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('env', 1, scale({ min: '1', max: '2' }));
  await world.pass(5);
  await world.pass(10, { rps: 10 });
  t.is(world.replicas, 2);
  await world.pass(50, { rps: 10 });
  t.is(world.replicas, 2);
  await world.pass(30);
  t.is(world.replicas, 1);
  t.deepEqual(world.provider.scaled, [
    ['env', 2, { durable: false, by: 'load' }],
    ['env', 1, { durable: false, by: 'load' }],
  ]);
});

test('a pause of ten seconds in the load takes no replica away', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('env', 1, scale({ min: '1', max: '2' }));
  await world.pass(60, { rps: 10 });
  await world.pass(10);
  await world.pass(20, { rps: 10 });
  t.deepEqual(world.provider.scaled, [['env', 2, { durable: false, by: 'load' }]]);
});

test('min and max alike: never scaled', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('env', 2, scale({ min: '2', max: '2' }));
  await world.pass(60, { rps: 20 });
  await world.pass(60);
  t.deepEqual(world.provider.scaled, []);
});

for (const labels of [{}, { faas_function: 'env' }, scale({ min: '3' })]) {
  test(`never scaled with labels ${JSON.stringify(labels)}`, async (t) => {
    const world = new ScaledWorld();
    world.provider.add('env', 3, labels);
    await world.pass(60, { rps: 100 });
    await world.pass(60);
    t.deepEqual(world.provider.scaled, []);
  });
}

test('rps with a target: as many replicas as the rate needs, never more than max', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('env', 1, scale({ type: 'rps', target: '10', 'target-proportion': '1', max: '6' }));
  await world.pass(30, { rps: 35 });
  t.is(world.replicas, 4);
  await world.pass(30, { rps: 500 });
  t.is(world.replicas, 6);
});

test('capacity: calls in flight count in the next second, and for 45 seconds after', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('env', 1, scale({ type: 'capacity', target: '10', 'target-proportion': '0.7' }));
  await world.pass(60);
  const calls = world.begin(35);
  await world.pass(1);
  t.is(world.replicas, 5);
  await world.pass(300);
  t.is(world.replicas, 5, 'while they last');
  for (const call of calls) call.end(200);
  await world.pass(45);
  t.is(world.replicas, 5);
  await world.pass(2);
  t.is(world.replicas, 1);
});

test('capacity: calls that wait for a replica count as load', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('env', 1, scale({ type: 'capacity', target: '1', 'target-proportion': '1' }));
  await world.pass(1);
  const releases = Array.from({ length: 8 }, () => world.invocations.hold(env));
  await world.pass(1);
  t.is(world.replicas, 8);
  for (const release of releases) release();
});

test('cpu: millicores of all replicas, asked for every five seconds', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('env', 1, scale({ type: 'cpu', target: '100', 'target-proportion': '1' }));
  const { provider } = world;
  let cpu = 250;
  let asked = 0;
  const status = provider.status.bind(provider);
  provider.status = async (name) => {
    asked += 1;
    return { ...(await status(name)), usage: { cpu, totalMemoryBytes: 0 } };
  };
  await world.pass(70);
  t.is(world.replicas, 3);
  t.is(asked, 14);
  cpu = 20;
  await world.pass(10);
  t.is(world.replicas, 2, 'the last half minute counts');
  await world.pass(25);
  t.is(world.replicas, 1);
});

test('cpu of a provider that tells no usage: the replicas stay', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('env', 3, scale({ type: 'cpu', target: '100' }));
  await world.pass(100);
  t.deepEqual(world.provider.scaled, []);
});

test('with a stable window replicas go only when fewer were enough for all of it', async (t) => {
  const world = new ScaledWorld();
  const labels = scale({ target: '10', 'target-proportion': '1', 'down.window': '2m' });
  world.provider.add('env', 1, labels);
  await world.pass(150, { rps: 30 });
  t.is(world.replicas, 3);
  await world.pass(60);
  await world.pass(20, { rps: 15 });
  await world.pass(45);
  t.is(world.replicas, 3, 'two minutes are not over');
  await world.pass(30);
  t.is(world.replicas, 2, 'what the second burst needed');
  await world.pass(90);
  t.is(world.replicas, 1);
});

test('a restart does not take replicas away before the load is known again', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('env', 4, scale({ type: 'capacity', target: '10' }));
  await world.pass(40);
  t.is(world.replicas, 4);
  await world.pass(10);
  t.is(world.replicas, 1);
});

test('a count that the provider does not follow is asked for again only after half a minute, or once something changes', async (t) => {
  const world = new ScaledWorld();
  const status = world.provider.add('env', 1, scale({ min: '1', max: '2' }));
  let asked = 0;
  world.provider.scale = () => {
    asked += 1;
    return Promise.resolve();
  };
  await world.pass(35, { rps: 10 });
  t.is(asked, 1);
  await world.pass(10, { rps: 10 });
  t.is(asked, 2);
  status.replicas = 2;
  await world.pass(1, { rps: 10 });
  status.replicas = 1;
  await world.pass(1, { rps: 10 });
  t.is(asked, 3);
});

test('a scale that fails is tried again and told once, other functions are scaled meanwhile', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('broken', 1, scale({ type: 'capacity', target: '1' }));
  world.provider.add('env', 1, scale({ type: 'capacity', target: '1', max: '2' }));
  const { provider } = world;
  const working = provider.scale.bind(provider);
  let failures = 0;
  provider.scale = (fn, replicas) => {
    if (fn.name === 'env') return working(fn, replicas);
    failures += 1;
    return Promise.reject(new Error('no memory left'));
  };
  const call = world.invocations.begin({ ...env, name: 'broken' });
  world.begin(2);
  world.invocations.begin({ ...env, name: 'broken' });
  await world.pass(5);
  t.is(failures, 5);
  t.is(world.replicas, 2);
  t.is(world.lines.filter((line) => line.includes('cannot autoscale')).length, 1);
  call.end(200);
});

test('functions that cannot be listed are told once, and the next look goes on', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('env', 1, scale({ min: '1', max: '2' }));
  const { provider } = world;
  const list = provider.list.bind(provider);
  provider.list = () => Promise.reject(new Error('containerd is away'));
  await world.pass(15, { rps: 10 });
  provider.list = list;
  await world.pass(1, { rps: 10 });
  t.is(world.replicas, 2);
  t.deepEqual(
    world.lines.map((line) => line.replace(/ \w+=.*\n/, '')),
    ['<4>autoscaler waits: cannot list functions', '<6>autoscaler can list functions again\n', '<6>function scaled'],
  );
});

test('a label that cannot be read is told once', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('env', 1, scale({ target: 'many' }));
  await world.pass(10);
  t.deepEqual(world.lines, [
    '<4>com.openfaas.scale.target "many" cannot be read: its default is used function=env.openfaas-fn\n',
  ]);
});

test('what is counted of a function that is removed is forgotten, once its calls have ended', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('env', 1);
  const [call] = world.begin(1);
  await world.pass(5, { rps: 3 });
  t.is(world.invocations.count(env), 15);
  await world.provider.remove(env);
  await world.pass(5);
  t.is(world.invocations.count(env), 15, 'a call is in flight');
  call?.end(200);
  await world.pass(2);
  t.is(world.invocations.count(env), 0);
  t.notRegex(await world.registry.metrics(), /env\.openfaas-fn/);
});

test('functions of every namespace are scaled', async (t) => {
  const world = new ScaledWorld();
  Object.assign(world.provider, { namespaces: { list: () => Promise.resolve(['openfaas-fn', 'dev']) } });
  const status = world.provider.add('env', 1, scale({ type: 'capacity', target: '1' }), 'dev');
  for (let call = 0; call < 3; call += 1) world.invocations.begin({ name: 'env', namespace: 'dev' });
  await world.pass(1);
  t.is(status.replicas, 4);
});

test('a rise is not kept where no call comes any more', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('env', 1, scale({ max: '2' }));
  await world.pass(46);
  await world.pass(6, { rps: 10 });
  t.is(world.replicas, 2);
  await world.pass(50);
  t.is(world.replicas, 1);
});

test('a rise is kept for a minute, and replicas go only when fewer carry a tenth more than there is', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('env', 1, scale({ target: '10', 'target-proportion': '1' }));
  await world.pass(46);
  await world.pass(10, { rps: 41 });
  t.is(world.replicas, 5);
  await world.pass(49, { rps: 15 });
  t.is(world.replicas, 5, 'a minute is not over');
  await world.pass(20, { rps: 15 });
  t.is(world.replicas, 2);
  await world.pass(70, { rps: 10 });
  t.is(world.replicas, 2, 'one would be full');
  await world.pass(40, { rps: 9 });
  t.is(world.replicas, 1);
});

test('queue: a thousand pending calls make as many replicas as may be, which leave as they are made and come again', async (t) => {
  const world = new ScaledWorld();
  world.provider.add('env', 1, scale({ type: 'queue', target: '10', 'target-proportion': '1', max: '5' }));
  await world.pass(60);
  t.is(world.replicas, 1);
  world.pending = 1000;
  await world.pass(1);
  t.is(world.replicas, 5);
  while (world.pending > 0) {
    await world.pass(1);
    world.pending -= 10;
    if (world.pending > 40) t.is(world.replicas, 5);
  }
  await world.pass(1);
  t.is(world.replicas, 1);
  const counts = world.provider.scaled.map(([, replicas]) => replicas);
  t.deepEqual(
    counts,
    [...counts.slice(0, 1), ...counts.slice(1).sort((one, other) => other - one)],
    'no back and forth',
  );
});

test('queue: a few pending calls, a few replicas; a down window holds them', async (t) => {
  const world = new ScaledWorld();
  const labels = scale({ type: 'queue', target: '10', 'target-proportion': '0.9', max: '9', 'down.window': '1m' });
  world.provider.add('env', 1, labels);
  await world.pass(61);
  world.pending = 28;
  await world.pass(1);
  t.is(world.replicas, 4);
  world.pending = 0;
  await world.pass(58);
  t.is(world.replicas, 4);
  await world.pass(3);
  t.is(world.replicas, 1);
});
