import { status } from '@grpc/grpc-js';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { ContainerdError } from '../../../../../src/containerd/index.ts';
import { Replica } from '../../../../../src/backends/containerd/reconcile/replica.ts';
import type { ReplicaExit } from '../../../../../src/backends/containerd/reconcile/replica-exit.ts';

const timing = { restartBaseMs: 1000, restartMaxMs: 60_000, stableMs: 60_000 };
const atMs = Date.UTC(2026, 0, 1);
const unreachable = { failure: 'unreachable' } as const;
const withoutProcess = { status: 500, watchdogError: true } as const;

/** A replica whose process runs, and whose back-off is never shortened by chance. */
function running(startedAtMs = atMs): Replica {
  const replica = new Replica('r', 'g', timing, () => 1);
  replica.created();
  replica.started('10.62.0.2', startedAtMs);
  return replica;
}

function exit(replica: Replica, exitStatus: number, nowMs: number): ReplicaExit {
  const news = replica.observed({ status: 'stopped', exitStatus }, nowMs);
  if (!news) throw new Error('the exit is no news');
  return news;
}

test('an exit is told by its code or signal, once', (t) => {
  const replica = running();
  t.like(exit(replica, 3, atMs), { reason: 'its process exited with code 3', atMs });
  t.is(replica.observed({ status: 'stopped', exitStatus: 3 }, atMs), undefined);
  t.is(exit(running(), 137, atMs).reason, 'its process was ended by signal 9');
  t.regex(exit(running(), 126, atMs).reason, /^its process exited with code 126: .*com\.openfaas\.berth\.capabilities/);
  t.regex(exit(running(), 159, atMs).reason, /^its process was ended by signal 31, bad system call: 32-bit programs/);
});

test('the kernel’s word about memory explains an exit that comes after it, or that came just before', (t) => {
  const before = running();
  t.is(before.outOfMemory(atMs), undefined);
  t.regex(exit(before, 137, atMs + 100).reason, /out of memory/);

  const after = running();
  exit(after, 137, atMs);
  t.regex(after.outOfMemory(atMs + 100)?.reason ?? '', /out of memory/);
  t.regex(after.lastExit?.reason ?? '', /out of memory/);
  after.started('10.62.0.2', atMs + 150);
  t.is(exit(after, 137, atMs + 200).reason, 'its process was ended by signal 9', 'the next is not explained by it');
});

test('it explains no exit of long ago, and none by a code of the program’s own', (t) => {
  for (const [exitStatus, laterMs] of [
    [137, 60_000],
    [1, 100],
  ] as const) {
    const replica = running();
    const { reason } = exit(replica, exitStatus, atMs);
    t.is(replica.outOfMemory(atMs + laterMs), undefined);
    t.is(replica.lastExit?.reason, reason);
  }
});

test('crashes in a row wait longer and longer; after a long run, or a stop, the count begins anew', (t) => {
  const replica = running();
  const waits = Array.from({ length: 9 }, () => {
    replica.started('10.62.0.2', atMs);
    return exit(replica, 1, atMs).restartInMs;
  });
  t.deepEqual(waits, [0, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  t.true(replica.view(atMs + 59_999).backingOff);
  t.false(replica.view(atMs + 60_000).backingOff);
  t.is(replica.nextDeadlineMs(atMs), atMs + 60_000);
  replica.started('10.62.0.2', atMs);
  t.is(exit(replica, 1, atMs + timing.stableMs).restartInMs, 0);
  replica.started('10.62.0.2', atMs);
  replica.stopped();
  replica.started('10.62.0.2', atMs);
  t.is(exit(replica, 1, atMs).restartInMs, 0);
  t.is(replica.restarts, 11);
});

test('a step that fails is not tried again before its back-off, and a failed start breaks the replica', (t) => {
  for (const [step, broken] of [
    ['create-replica', false],
    ['create-task', true],
    ['start-task', true],
    ['stop-task', false],
  ] as const) {
    const replica = new Replica('r', 'g', timing, () => 1);
    replica.stepBegan(step);
    t.true(replica.isBusy);
    replica.stepFailed(new Error('no'), atMs);
    t.false(replica.isBusy);
    t.like(replica.view(atMs), { busy: true, broken });
    t.like(replica.view(atMs + 500), { busy: false, broken });
  }
});

test('a replica that cannot be reached leaves the routes and may come back', (t) => {
  const replica = running();
  t.is(replica.callEnded(unreachable, atMs), undefined, 'it was not in the routes');
  t.true(replica.becameReady(atMs));
  t.is(replica.callEnded(unreachable, atMs), 'unreachable');
  t.false(replica.takesCalls);
  t.is(replica.watched, 'health');
  t.true(replica.becameReady(atMs + 1));
  t.is(replica.readySinceMs, atMs + 1);
});

test('a watchdog that says five times in a row that it cannot reach its process is to be looked at', (t) => {
  const replica = running();
  replica.becameReady(atMs);
  const calls = (count: number) => Array.from({ length: count }, () => replica.callEnded(withoutProcess, atMs));
  t.deepEqual(calls(4), [undefined, undefined, undefined, undefined]);
  t.is(replica.callEnded({ status: 200 }, atMs), undefined);
  t.deepEqual(calls(5), [undefined, undefined, undefined, undefined, 'no-process']);
  t.like(replica.view(atMs), { unhealthy: false, ready: true });
  t.deepEqual(calls(5).pop(), 'no-process', 'and again after as many');
});

test('while containerd is away no replica is at fault for a step that failed', (t) => {
  const away = new ContainerdError({ method: 'Tasks.Start', address: '/c.sock' }, status.UNAVAILABLE, 'no socket');
  for (const [error, broken] of [
    [away, false],
    [new Error('no'), true],
  ] as const) {
    const replica = new Replica('r', 'g', timing);
    replica.created();
    replica.stepBegan('start-task');
    replica.stepFailed(error, atMs);
    t.is(replica.view(atMs).broken, broken);
  }
});

test('a delay counts from the start of the process, which of an adopted one was long ago', (t) => {
  t.is(running().delayLeftMs(3000, atMs + 1000), 2000);
  t.is(running().delayLeftMs(3000, atMs + 5000), 0);
  const adopted = new Replica('r', 'g', timing);
  adopted.observed({ status: 'running' }, atMs);
  t.is(adopted.delayLeftMs(3000, atMs), 0);
});

const steps = ['create-replica', 'create-task', 'start-task', 'stop-task', 'delete-replica'] as const;
const verb: fc.Arbitrary<(replica: Replica, nowMs: number) => unknown> = fc.oneof(
  fc.constantFrom(...steps).map((step) => (replica: Replica) => replica.stepBegan(step)),
  fc
    .constantFrom('none' as const, 'created' as const, 'running' as const)
    .map((status) => (replica: Replica, nowMs: number) => {
      return replica.observed({ status }, nowMs);
    }),
  fc.constantFrom(0, 1, 137, 143).map((exitStatus) => (replica: Replica, nowMs: number) => {
    return replica.observed({ status: 'stopped', exitStatus }, nowMs);
  }),
  fc.constantFrom(unreachable, withoutProcess, { status: 200 }).map((outcome) => (replica: Replica) => {
    return replica.callEnded(outcome, atMs);
  }),
  fc.constantFrom<(replica: Replica, nowMs: number) => unknown>(
    (replica) => replica.stepEnded(),
    (replica, nowMs) => replica.stepFailed(new Error('no'), nowMs),
    (replica) => replica.created(),
    (replica) => replica.taskCreated(),
    (replica, nowMs) => replica.started('10.62.0.2', nowMs),
    (replica, nowMs) => replica.outOfMemory(nowMs),
    (replica, nowMs) => replica.becameReady(nowMs),
    (replica) => replica.becameUnready(),
    (replica) => replica.becameUnhealthy(),
    (replica, nowMs) => replica.drainUntil(nowMs + 30_000),
    (replica) => replica.drained(),
    (replica) => replica.stopped(),
  ),
);
const lives = fc.array(fc.record({ verb, afterMs: fc.integer({ min: 0, max: 70_000 }) }), {
  maxLength: 80,
  size: 'max',
});

interface Moment {
  replica: Replica;
  nowMs: number;
  /** How it was before the last verb. */
  before: { task: Replica['task']; restarts: number };
}

/** Looks at a replica after each verb of its life, whatever they are and in whatever order. */
function always(t: ExecutionContext, isInOrder: (moment: Moment) => boolean): void {
  t.notThrows(() => {
    fc.assert(
      fc.property(lives, (life) => {
        const replica = new Replica('r', 'g', timing);
        let nowMs = atMs;
        return life.every(({ verb, afterMs }) => {
          const before = { task: replica.task, restarts: replica.restarts };
          verb(replica, (nowMs += afterMs));
          return isInOrder({ replica, nowMs, before });
        });
      }),
      { numRuns: 500 },
    );
  });
}

test('whatever happens, a replica is ready, unhealthy or draining only while its process runs', (t) => {
  always(t, ({ replica, nowMs }) => {
    const { task, ready, unhealthy, draining, drained } = replica.view(nowMs);
    return (task === 'running' || !(ready || unhealthy || draining)) && (draining || !drained) && !(ready && unhealthy);
  });
});

test('whatever happens, only a ready replica that does not leave takes calls', (t) => {
  always(t, ({ replica, nowMs }) => {
    const { ready, unhealthy, draining } = replica.view(nowMs);
    return replica.takesCalls === (ready && !unhealthy && !draining);
  });
});

test('whatever happens, calls are watched while it drains, and health while it runs without a step', (t) => {
  always(t, ({ replica, nowMs }) => {
    const { task, unhealthy, draining, drained } = replica.view(nowMs);
    if (draining) return replica.watched === (drained ? undefined : 'drain');
    return replica.watched === (task === 'running' && !unhealthy && !replica.isBusy ? 'health' : undefined);
  });
});

test('whatever happens, it waits no longer than the longest back-off, and is looked at when that is over', (t) => {
  always(t, ({ replica, nowMs }) => {
    const { busy, backingOff } = replica.view(nowMs);
    const isWaiting = backingOff || (busy && !replica.isBusy);
    const deadlineMs = replica.nextDeadlineMs(nowMs);
    const latestMs = nowMs + timing.restartMaxMs;
    if (deadlineMs === Infinity) return !isWaiting;
    return deadlineMs > nowMs && deadlineMs <= latestMs && !replica.view(latestMs).backingOff;
  });
});

test('whatever happens, an end of its process is counted once, with its moment and reason', (t) => {
  always(t, ({ replica, nowMs, before }) => {
    if (replica.restarts === before.restarts) return true;
    const { atMs, reason } = replica.lastExit ?? {};
    const isCrash = before.task === 'running' && replica.task !== 'running';
    return isCrash && replica.restarts === before.restarts + 1 && atMs === nowMs && reason !== undefined;
  });
});
