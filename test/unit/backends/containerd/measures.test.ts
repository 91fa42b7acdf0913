import test from 'ava';
import { silentLog } from '../../../../src/base/log.ts';
import { Measures, type MeasuresOptions } from '../../../../src/backends/containerd/measures.ts';
import { FunctionStates } from '../../../../src/backends/containerd/reconcile/function-states.ts';
import { defaultTiming } from '../../../../src/backends/containerd/timing.ts';

const fn = { name: 'env', namespace: 'openfaas-fn' };

/** A function whose tasks use what the test says. */
function world() {
  const states = new FunctionStates(defaultTiming);
  const state = states.of(fn);
  let tasks: object[] = [];
  let nowMs = 0;
  const measures = new Measures({
    containerd: { namespace: () => ({ tasks: { metrics: () => Promise.resolve(tasks) } }) },
    store: { all: () => [{ function: fn }] },
    states,
    log: silentLog,
    nowMs: () => (nowMs += 2000),
  } as unknown as MeasuresOptions);
  const read = async (...cpuOf: [id: string, seconds: number][]) => {
    tasks = cpuOf.map(([containerId, seconds]) => ({
      containerId,
      cpuUsageNs: seconds * 1e9,
      memoryWorkingSetBytes: 100,
    }));
    const [measured] = await measures.read();
    return [measured?.cpuSeconds, measured?.memoryBytes];
  };
  return { state, read };
}

test('CPU time only grows: over scaling down, over a new process, over none', async (t) => {
  const { state, read } = world();
  const [one, other] = [state.newReplica('v1', 'one'), state.newReplica('v1', 'other')];
  one.started('10.0.0.1', 0);
  other.started('10.0.0.2', 0);
  t.deepEqual(await read(['one', 1], ['other', 2]), [3, 200]);
  t.deepEqual(await read(['one', 2], ['other', 2.5]), [4.5, 200]);
  state.forget(other);
  t.deepEqual(await read(['one', 3]), [5.5, 100]);
  one.observed({ status: 'stopped', exitStatus: 1 }, 1);
  t.deepEqual(await read(), [5.5, 0]);
  one.started('10.0.0.1', 2);
  t.deepEqual(await read(['one', 0.5]), [6, 100], 'its new process counts from 0');
});

test('a process that ran before the daemon counts from when it was found', async (t) => {
  const { state, read } = world();
  state.observed(
    [{ id: 'one', function: fn, generation: 'v1', limits: () => ({ maxInflight: 1 }), task: running }],
    new Set(),
    0,
  );
  t.deepEqual(await read(['one', 100]), [0, 100]);
  t.deepEqual(await read(['one', 101]), [1, 100]);
});

test('others in the namespace count for nobody', async (t) => {
  const { state, read } = world();
  state.newReplica('v1', 'one').started('10.0.0.1', 0);
  t.deepEqual(await read(['one', 1], ['foreign', 50]), [1, 100]);
});

const running = { status: 'running' } as const;
