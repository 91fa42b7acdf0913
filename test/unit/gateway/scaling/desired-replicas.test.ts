import test from 'ava';
import fc from 'fast-check';
import { desiredReplicas } from '../../../../src/gateway/scaling/desired-replicas.ts';

const worked: [load: number, target: number, proportion: number, replicas: number][] = [
  [15, 5, 1, 3],
  [25, 5, 1, 5],
  [90, 100, 0.7, 2],
  [6, 10, 0.6, 1],
  [7, 10, 0.7, 1],
  [7.001, 10, 0.7, 2],
  [0.07, 0.06, 1, 2],
  [0, 50, 0.9, 1],
  [10_000, 50, 0.9, 20],
];
for (const [load, target, proportion, replicas] of worked) {
  test(`load ${load} at ${target} × ${proportion} for each is ${replicas}`, (t) => {
    t.is(desiredReplicas(load, { perReplica: target * proportion, min: 1, max: 20 }), replicas);
  });
}

const ranges = fc
  .record({
    perReplica: fc.double({ min: 1e-6, max: 1e9, noNaN: true }),
    min: fc.integer({ min: 1, max: 1000 }),
    more: fc.nat(1000),
  })
  .map(({ perReplica, min, more }) => ({ perReplica, min, max: min + more }));
const loads = fc.double({ min: 0, max: 1e12, noNaN: true });

test('never fewer than min, never more than max, always a whole number', (t) => {
  fc.assert(
    fc.property(loads, ranges, (load, range) => {
      const replicas = desiredReplicas(load, range);
      t.true(Number.isInteger(replicas) && replicas >= range.min && replicas <= range.max);
    }),
  );
});

test('more load never means fewer replicas', (t) => {
  fc.assert(
    fc.property(loads, loads, ranges, (one, other, range) => {
      t.true(desiredReplicas(Math.min(one, other), range) <= desiredReplicas(Math.max(one, other), range));
    }),
  );
});

test('no load means min', (t) => {
  fc.assert(fc.property(ranges, (range) => t.is(desiredReplicas(0, range), range.min)));
});

test('the replicas carry the load unless max forbids it', (t) => {
  fc.assert(
    fc.property(loads, ranges, (load, range) => {
      const replicas = desiredReplicas(load, range);
      t.true(replicas === range.max || replicas * range.perReplica >= load * (1 - 1e-6) - 1e-8 * range.perReplica);
    }),
  );
});
