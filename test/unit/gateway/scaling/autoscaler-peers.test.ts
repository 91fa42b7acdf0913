import test from 'ava';
import { env, scale, ScaledWorld, TestPeers } from './scaled-world.ts';
import { changeHolds } from '../../../../src/gateway/scaling/change-holds.ts';

const rps = scale({ type: 'rps', target: '10', 'target-proportion': '1', max: '9' });
const load = { ...env, inFlight: 0, peakInFlight: 0, endedPerSecond: 0, idleMs: 0 };

/** A world beside which there is another gateway. */
function worldWithPeers({ isLeading }: { isLeading: boolean }) {
  const world = new ScaledWorld();
  const peers = new TestPeers();
  peers.isLeading = isLeading;
  world.meet(peers);
  return { world, peers };
}

test('who does not lead scales nothing, and tells what it measures', async (t) => {
  const { world, peers } = worldWithPeers({ isLeading: false });
  world.provider.add('env', 1, rps);
  world.provider.add('unlabelled', 1);
  world.provider.add('quiet', 1, rps);
  world.invocations.begin({ ...env, name: 'unlabelled' });
  world.begin(2);
  await world.pass(20, { rps: 35 });
  t.deepEqual(world.provider.scaled, []);
  t.deepEqual(peers.told, [{ ...load, inFlight: 2, peakInFlight: 3, endedPerSecond: 35 }]);
});

test('a function without calls is told of no more', async (t) => {
  const { world, peers } = worldWithPeers({ isLeading: false });
  world.provider.add('env', 1, rps);
  await world.pass(1, { rps: 1 });
  t.is(peers.told.length, 1);
  await world.pass(46);
  t.deepEqual(peers.told, []);
});

test('who leads scales by what all have measured', async (t) => {
  const { world, peers } = worldWithPeers({ isLeading: true });
  world.provider.add('env', 1, rps);
  peers.heard = [
    { ...load, endedPerSecond: 12 },
    { ...load, endedPerSecond: 21 },
  ];
  await world.pass(20, { rps: 5 });
  t.is(world.replicas, 4);
});

test('calls at once of all gateways are added up', async (t) => {
  const { world, peers } = worldWithPeers({ isLeading: true });
  world.provider.add('env', 1, scale({ type: 'capacity', target: '10', 'target-proportion': '1' }));
  world.begin(5);
  peers.heard = [{ ...load, inFlight: 3, peakInFlight: 16 }];
  await world.pass(1);
  t.is(world.replicas, 3);
});

test('a function that is called elsewhere does not fall asleep', async (t) => {
  const { world, peers } = worldWithPeers({ isLeading: true });
  world.provider.add('env', 1, scale({ zero: 'true', 'zero-duration': '1m' }));
  peers.heard = [{ ...load, endedPerSecond: 1, peakInFlight: 1, idleMs: 2000 }];
  await world.pass(120);
  t.is(world.replicas, 1);
  peers.heard = [];
  await world.pass(50);
  t.is(world.replicas, 1, 'the last call counts that was heard of');
  await world.pass(10);
  t.is(world.replicas, 0);
});

test('who begins to lead takes nothing back and puts nothing to sleep before it has seen enough', async (t) => {
  const { world, peers } = worldWithPeers({ isLeading: false });
  const sleeper = world.provider.add('sleeper', 1, scale({ zero: 'true', 'zero-duration': '2m' }));
  world.provider.add('env', 4, rps);
  await world.pass(600);
  peers.isLeading = true;
  await world.pass(44);
  t.is(world.replicas, 4);
  await world.pass(2);
  t.is(world.replicas, 1);
  await world.pass(70);
  t.is(sleeper.replicas, 1);
  await world.pass(10);
  t.is(sleeper.replicas, 0);
});

test('who leads no more scales no more', async (t) => {
  const { world, peers } = worldWithPeers({ isLeading: true });
  world.provider.add('env', 1, rps);
  await world.pass(10, { rps: 20 });
  t.is(world.replicas, 2);
  peers.isLeading = false;
  await world.pass(60, { rps: 50 });
  t.is(world.replicas, 2);
});

test('while all sleeps here, what is called elsewhere is looked at each second', async (t) => {
  const { world, peers } = worldWithPeers({ isLeading: true });
  const status = world.provider.add('env', 0, rps);
  await world.passAsRun(6);
  status.replicas = 1;
  peers.heard = [{ ...load, endedPerSecond: 40 }];
  await world.passAsRun(2);
  t.is(world.replicas, 4);
});

test('what an alert added at one gateway stays at another, until a third is told that it is over', async (t) => {
  const worlds = [true, false, false].map((isLeading) => worldWithPeers({ isLeading }));
  const [leading, told, last] = worlds;
  if (!leading || !told || !last) return t.fail();
  // They have one note.
  for (const { peers } of [told, last])
    Object.defineProperty(peers, 'note', {
      get: () => leading.peers.note,
      set: (text: string) => (leading.peers.note = text),
    });
  leading.world.provider.add('env', 1, rps);
  await leading.world.pass(60);
  await changeHolds(told.world, () => told.world.holds.fired(env, 'busy', { from: 1, to: 5 }));
  await leading.world.provider.scale(env, 5);
  await leading.world.pass(120);
  t.is(leading.world.replicas, 5);
  t.is(await changeHolds(last.world, () => last.world.holds.resolved(env, 'busy', 5)), 1);
  await leading.world.pass(2);
  t.is(leading.world.replicas, 1);
});

test('what alerts added to a function that is removed is forgotten by all', async (t) => {
  const { world, peers } = worldWithPeers({ isLeading: true });
  world.provider.add('env', 1, rps);
  await changeHolds(world, () => world.holds.fired(env, 'busy', { from: 1, to: 5 }));
  t.regex(peers.note, /busy/);
  await world.provider.remove(env);
  await world.pass(1);
  t.is(peers.note, '{}');
});
