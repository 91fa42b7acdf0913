import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import {
  decide,
  type DesiredFunction,
  type ObservedReplica,
  type Step,
} from '../../../../../src/backends/containerd/reconcile/decide.ts';
import { World, type Happening } from './world.ts';

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constant('scale' as const), replicas: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constantFrom('sleep', 'wake', 'update', 'remove', 'create', 'time-passes', 'crash-loops'),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      what: fc.constantFrom('job-ends', 'gets-ready', 'drains'),
      pick: fc.nat(20),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constant('daemon-restarts' as const), pick: fc.nat(31) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constantFrom('job-fails', 'gets-unready', 'gets-unhealthy', 'crashes'),
      pick: fc.nat(20),
    }),
  },
);
const parking = fc.record({
  parked: fc.integer({ min: 1, max: 2 }),
  parkedTask: fc.constantFrom('none' as const, 'created' as const),
});
const stories = fc.tuple(parking, fc.array(happening, { maxLength: 120, size: 'max' }));
/** An update that is scaled while it goes on. */
const rollouts = fc.tuple(
  parking,
  fc
    .array(
      fc.oneof(
        {
          weight: 1,
          arbitrary: fc.record({ what: fc.constant('scale' as const), replicas: fc.integer({ min: 1, max: 3 }) }),
        },
        { weight: 8, arbitrary: fc.record({ what: fc.constantFrom('job-ends', 'gets-ready'), pick: fc.nat(20) }) },
        { weight: 1, arbitrary: fc.record({ what: fc.constantFrom('gets-unready', 'drains'), pick: fc.nat(20) }) },
      ),
      { maxLength: 60, size: 'max' },
    )
    .map((rest): Happening[] => [{ what: 'scale', replicas: 2 }, { what: 'update' }, ...rest]),
);

/** Lives through a story; before each step is carried out it is looked at. */
function live([parked, happenings]: [Pick<DesiredFunction, 'parked' | 'parkedTask'>, Happening[]], look: Look): World {
  const world = new World(parked);
  for (const next of happenings) {
    world.happen(next);
    const before = { desired: structuredClone(world.desired), replicas: world.replicas };
    const steps = world.pass();
    look({ ...before, steps, history: world.history });
  }
  return world;
}

interface Seen {
  desired?: DesiredFunction;
  replicas: ObservedReplica[];
  steps: Step[];
  history: string[];
}

type Look = (seen: Seen) => void;

function always(t: ExecutionContext, look: Look, from = stories): void {
  t.notThrows(() => {
    fc.assert(
      fc.property(from, (story) => {
        live(story, (seen) => {
          try {
            look(seen);
          } catch (cause) {
            throw new Error(`${String(cause)} after\n${seen.history.slice(-30).join('\n')}`, { cause });
          }
        });
      }),
      { numRuns: 300 },
    );
  });
}

function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

/** Takes calls. */
const serves = ({ ready, draining, unhealthy }: ObservedReplica) => ready && !draining && !unhealthy;

test('whatever has happened, a function comes to be as it is wanted once nothing more happens', (t) => {
  t.notThrows(() => {
    fc.assert(
      fc.property(stories, (story) => {
        const world = live(story, () => {});
        world.settle();
        const { desired, replicas, history } = world;
        const last = `\n${history.slice(-30).join('\n')}`;
        expect(desired?.candidate === undefined, `the candidate neither took over nor failed${last}`);
        expect(
          replicas.every(({ generation }) => generation === desired?.current.id),
          `an old version is left${last}`,
        );
        const serving = replicas.filter(serves).length;
        if (desired?.asleep) {
          expect(replicas.length <= desired.parked, `more is parked than wanted${last}`);
          expect(
            replicas.every(({ task }) => task === desired.parkedTask),
            `a sleeping function runs${last}`,
          );
        } else {
          expect(replicas.length === (desired?.replicas ?? 0), `${replicas.length} replicas${last}`);
          expect(serving === replicas.length, `only ${serving} of ${replicas.length} replicas serve${last}`);
        }
        expect(decide(desired, replicas).length === 0, `there is something left to do${last}`);
      }),
      { numRuns: 500 },
    );
  });
});

test('a replica on which a step is under way gets no other, and no replica gets two at once', (t) => {
  always(t, ({ replicas, steps }) => {
    const on = steps.flatMap((step) => ('replica' in step ? [step.replica] : []));
    expect(new Set(on).size === on.length, 'two steps on a replica');
    for (const id of on)
      expect(
        replicas.some((replica) => replica.id === id && !replica.busy),
        `a step on busy ${id}`,
      );
  });
});

test('no process is stopped before its calls are done, and nothing is deleted that has one', (t) => {
  always(t, ({ replicas, steps }) => {
    for (const step of steps) {
      const replica = 'replica' in step ? replicas.find(({ id }) => id === step.replica) : undefined;
      if (step.step === 'stop-task' && replica?.task === 'running') expect(replica.drained, `stops ${replica.id}`);
      if (step.step === 'delete-replica') expect(replica?.task === 'none', `deletes ${replica?.id}`);
    }
  });
});

test('a candidate takes over only when as many of its replicas take calls as are wanted', (t) => {
  const look: Look = ({ desired, replicas, steps }) => {
    if (!steps.some(({ step }) => step === 'promote')) return;
    const serving = replicas.filter((replica) => replica.generation === desired?.candidate?.id && serves(replica));
    expect(
      serving.length >= (desired?.replicas ?? Infinity),
      `promoted with ${serving.length} of ${desired?.replicas}`,
    );
  };
  always(t, look);
  always(t, look, rollouts);
});

test('an awake function loses no replica that takes calls, unless there are more than wanted', (t) => {
  always(t, ({ desired, replicas, steps }) => {
    if (!desired || desired.asleep) return;
    const serving = replicas.filter((replica) => replica.generation === desired.current.id && serves(replica));
    const leaving = serving.filter(({ id }) => steps.some((step) => 'replica' in step && step.replica === id));
    expect(leaving.length <= Math.max(0, serving.length - desired.replicas), `loses ${leaving.length}`);
  });
});

test('no more replicas of a version are made than are wanted of it', (t) => {
  always(t, ({ desired, replicas, steps }) => {
    for (const generation of [desired?.current, desired?.candidate]) {
      const made = steps.filter((step) => step.step === 'create-replica' && step.generation === generation?.id).length;
      const there = replicas.filter(
        (r) => r.generation === generation?.id && !r.draining && !r.unhealthy && !r.broken,
      ).length;
      expect(made === 0 || there + made <= (desired?.replicas ?? 0), `${there} and ${made} more`);
    }
  });
});

test('nothing is started before its back-off is over, and no replica is made of a version that cannot run', (t) => {
  always(t, ({ desired, replicas, steps }) => {
    for (const step of steps) {
      if (step.step === 'start-task' || step.step === 'create-task')
        expect(!replicas.some(({ id, backingOff }) => id === step.replica && backingOff), `starts ${step.replica}`);
      if (step.step === 'create-replica')
        expect(!(desired?.current.id === step.generation && desired.current.failed), `makes one of ${step.generation}`);
    }
  });
});

const replica: ObservedReplica = {
  id: 'r',
  generation: 'g',
  task: 'running',
  created: true,
  ready: true,
  unhealthy: false,
  condemned: false,
  broken: false,
  draining: false,
  drained: false,
  busy: false,
  backingOff: false,
  calls: 0,
};
const wanted: DesiredFunction = {
  current: { id: 'g', imageReady: true, failed: false },
  replicas: 1,
  asleep: false,
  parked: 1,
  parkedTask: 'none',
  rollBack: false,
};

test('a candidate whose process ended is dropped, and the version that serves is let alone', (t) => {
  const candidate = { id: 'c', imageReady: true, failed: false };
  const ended: ObservedReplica = { ...replica, id: 'new', generation: 'c', task: 'stopped', ready: false };
  t.deepEqual(decide({ ...wanted, candidate }, [replica, ended]), [{ step: 'drop-candidate' }]);
});

test('while a candidate starts, a sleeping function sleeps on', (t) => {
  const candidate = { id: 'c', imageReady: true, failed: false };
  const parked: ObservedReplica = { ...replica, task: 'none', ready: false };
  t.deepEqual(decide({ ...wanted, asleep: true, candidate }, [parked]), [{ step: 'create-replica', generation: 'c' }]);
});

test('a replica whose start failed is replaced, also a parked one', (t) => {
  const failed: ObservedReplica = { ...replica, task: 'none', ready: false, broken: true };
  t.deepEqual(decide(wanted, [failed]), [
    { step: 'delete-replica', replica: 'r' },
    { step: 'create-replica', generation: 'g' },
  ]);
  t.deepEqual(decide({ ...wanted, asleep: true }, [failed]), [{ step: 'delete-replica', replica: 'r' }]);
});

test('a condemned replica is ended whatever calls it has, and replaced once its version may be tried again', (t) => {
  const condemned: ObservedReplica = { ...replica, ready: false, unhealthy: true, broken: true, condemned: true };
  t.deepEqual(decide({ ...wanted, current: { ...wanted.current, failed: true } }, [condemned]), [
    { step: 'stop-task', replica: 'r' },
  ]);
  t.deepEqual(decide({ ...wanted, asleep: true }, [condemned]), [{ step: 'stop-task', replica: 'r' }]);
  t.deepEqual(decide(wanted, [{ ...condemned, task: 'none' }]), [
    { step: 'delete-replica', replica: 'r' },
    { step: 'create-replica', generation: 'g' },
  ]);
});

test('of more replicas than wanted those that do not serve yet go first', (t) => {
  const starting: ObservedReplica = { ...replica, id: 'starting', ready: false };
  t.deepEqual(decide(wanted, [starting, replica]), [{ step: 'drain', replica: 'starting' }]);
});

test('of more replicas than wanted the idle ones go first, of the busy ones those with the fewest calls', (t) => {
  const replicas = [3, 1, 0, 2].map((calls) => ({ ...replica, id: `with ${calls}`, calls }));
  const gone = (count: number) =>
    decide({ ...wanted, replicas: 4 - count }, replicas).flatMap((step) => ('replica' in step ? step.replica : []));
  t.deepEqual(gone(1), ['with 0']);
  t.deepEqual(gone(2), ['with 0', 'with 1']);
  t.deepEqual(gone(3), ['with 0', 'with 1', 'with 2']);
  const starting = { ...replica, id: 'starting', ready: false };
  t.deepEqual(decide({ ...wanted, replicas: 4 }, [...replicas, starting]), [{ step: 'drain', replica: 'starting' }]);
});

test('a parked replica of a sleeping function keeps a task made ready when that is asked for', (t) => {
  const parked: ObservedReplica = { ...replica, task: 'none', ready: false };
  const standby: DesiredFunction = { ...wanted, asleep: true, parkedTask: 'created' };
  t.deepEqual(decide(standby, [parked]), [{ step: 'create-task', replica: 'r' }]);
  t.deepEqual(decide(standby, [{ ...parked, task: 'created' }]), []);
  t.deepEqual(decide({ ...standby, asleep: false }, [{ ...parked, task: 'created' }]), [
    { step: 'start-task', replica: 'r' },
  ]);
});

test('a version that crash-loops after its promotion is rolled back, but not while its successor starts', (t) => {
  t.deepEqual(decide({ ...wanted, rollBack: true }, [{ ...replica, ready: false }]), [{ step: 'roll-back' }]);
  const candidate = { id: 'c', imageReady: false, failed: false };
  const steps = decide({ ...wanted, rollBack: true, candidate }, [{ ...replica, ready: false }]);
  t.deepEqual(steps, [{ step: 'ensure-image', generation: 'c' }]);
});

test('of a great many wanted replicas a few are begun at a time', (t) => {
  const many = { ...wanted, replicas: 100_000 };
  t.is(decide(many, [replica]).length, 4);
  const making = { ...replica, task: 'none' as const, created: false, ready: false, busy: true };
  const busy = ['a', 'b', 'c'].map((id) => ({ ...making, id }));
  t.deepEqual(decide(many, [replica, ...busy]), [{ step: 'create-replica', generation: 'g' }]);
});

test('a candidate has its own number of replicas, and the version that serves keeps the one it has', (t) => {
  const candidate = { id: 'c', imageReady: true, failed: false };
  const ready = { ...replica, id: 'new', generation: 'c' };
  t.deepEqual(decide({ ...wanted, candidate, candidateReplicas: 2 }, [replica, ready]), [
    { step: 'create-replica', generation: 'c' },
  ]);
  t.deepEqual(decide({ ...wanted, replicas: 3, candidate, candidateReplicas: 1 }, [replica, ready]), [
    { step: 'promote' },
  ]);
});

test('replicas whose start failed and that cannot be deleted do not become more and more', (t) => {
  const failed = { ...replica, task: 'none' as const, ready: false, broken: true, busy: true };
  const failures = ['a', 'b', 'c', 'd'].map((id) => ({ ...failed, id }));
  t.deepEqual(decide(wanted, failures), []);
  t.deepEqual(decide(wanted, failures.slice(1)), [{ step: 'create-replica', generation: 'g' }]);
});
