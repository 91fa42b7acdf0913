import { status } from '@grpc/grpc-js';
import test, { type ExecutionContext } from 'ava';
import { newGeneration, promoted, type FunctionRecord } from '../../src/backends/containerd/desired/record.ts';
import { desiredView } from '../../src/backends/containerd/reconcile/desired-view.ts';
import { FunctionState } from '../../src/backends/containerd/reconcile/function-state.ts';
import { defaultTiming } from '../../src/backends/containerd/timing.ts';
import { monotonicMs } from '../../src/base/monotonic.ts';
import { ContainerdError, isDeadlineExceeded } from '../../src/containerd/index.ts';
import { toContainerdError } from '../../src/containerd/containerd-error.ts';
import { call, startFront, startFunction } from './provider/proxy/world.ts';

/** Sets the wall clock of the process to so many hours from now, until the test is over. */
function setClock(t: ExecutionContext, hours: number): void {
  const real = Date.now;
  Date.now = () => real() + hours * 3_600_000;
  t.teardown(() => (Date.now = real));
}

const fn = { name: 'fn', namespace: 'openfaas-fn' };

for (const hours of [-1, 1]) {
  const step = hours < 0 ? 'back' : 'forth';

  test.serial(`${step}: a replica is fresh for as long as it is`, async (t) => {
    let calls = 0;
    const { port: upstream } = await startFunction(t, (_req, res) => {
      calls++;
      if (calls % 2 === 0) return void res.end('there');
      res.writeHead(500, { 'X-OpenFaaS-Internal': 'of-watchdog' }).end();
    });
    const { port: fresh } = await startFront(t, upstream, { readySinceMs: monotonicMs() });
    const { port: settled } = await startFront(t, upstream, { readySinceMs: monotonicMs() - 60_000 });
    setClock(t, hours);
    t.is((await call(fresh)).status, 200, 'held until the process is there');
    t.is((await call(settled)).status, 500, 'passed on at once');
  });

  test.serial(`${step}: an update that crashes in its first minute is rolled back, and no later`, (t) => {
    const current = newGeneration({ ...fn, image: 'fn:one' });
    const candidate = newGeneration({ ...fn, image: 'fn:two' });
    const record = promoted({ schema: 1, current, candidate, replicas: 1, asleep: false } satisfies FunctionRecord);
    const crashed = (afterMs: number) => {
      const state = new FunctionState(fn, defaultTiming);
      desiredView(record, state, 0);
      setClock(t, hours);
      const replica = state.newReplica(candidate.id);
      for (let times = 0; times < 3; times++) {
        replica.started('10.62.0.2', afterMs);
        replica.observed({ status: 'stopped', exitStatus: 1 }, afterMs);
      }
      return desiredView(record, state, afterMs).rollBack;
    };
    t.true(crashed(30_000));
    t.false(crashed(90_000));
  });

  test.serial(`${step}: a crashed replica waits for its back-off, no more and no less`, (t) => {
    const state = new FunctionState(fn, defaultTiming);
    const replica = state.newReplica('g');
    replica.started('10.62.0.2', 1000);
    replica.observed({ status: 'stopped', exitStatus: 1 }, 1000);
    replica.started('10.62.0.2', 1000);
    const exit = replica.observed({ status: 'stopped', exitStatus: 1 }, 1000);
    setClock(t, hours);
    const restartMs = 1000 + (exit?.restartInMs ?? 0);
    t.true(replica.view(restartMs - 1).backingOff);
    t.false(replica.view(restartMs).backingOff);
  });

  test.serial(`${step}: a call to containerd is late when its time is over`, (t) => {
    const site = { method: 'Tasks.Create', address: 'stand-in' };
    const vague = Object.assign(new Error('context cancelled'), { code: status.CANCELLED, details: '' });
    const early = { deadlineMs: monotonicMs() + 60_000 };
    const late = { deadlineMs: monotonicMs() };
    setClock(t, hours);
    t.true(toContainerdError(vague, site, early) instanceof ContainerdError);
    t.false(isDeadlineExceeded(toContainerdError(vague, site, early)));
    t.true(isDeadlineExceeded(toContainerdError(vague, site, late)));
  });
}
