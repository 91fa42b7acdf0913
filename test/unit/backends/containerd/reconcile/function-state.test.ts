import test from 'ava';
import { newGeneration } from '../../../../../src/backends/containerd/desired/record.ts';
import { FunctionState } from '../../../../../src/backends/containerd/reconcile/function-state.ts';
import { StartError } from '../../../../../src/backends/containerd/start-error.ts';
import { defaultTiming } from '../../../../../src/backends/containerd/timing.ts';

const fn = { name: 'fn', namespace: 'openfaas-fn' };
const atMs = Date.UTC(2026, 0, 1);

function one() {
  const state = new FunctionState(fn, defaultTiming);
  const current = newGeneration({ ...fn, image: 'fn' }, 'sha256:1');
  const record = { schema: 1 as const, current, replicas: 1, asleep: false };
  return { state, record, replica: state.newReplica(current.id) };
}

test('a function that crash-loops has failed for as long as its back-off, and not once it runs again', (t) => {
  const { state, record, replica } = one();
  for (let crash = 0; crash < 3; crash++) {
    replica.started('10.62.0.2', atMs);
    t.is(state.failedStart(record, atMs), undefined);
    replica.observed({ status: 'stopped', exitStatus: 1 }, atMs);
  }
  const failed = state.failedStart(record, atMs);
  t.is(failed?.reason, 'its process ended');
  t.true((failed?.retryInMs ?? 0) >= 1000);
  t.is(state.failedStart({ ...record, asleep: true }, atMs), undefined, 'a call wakes it');
  t.is(state.failedStart(record, atMs + 60_000), undefined, 'it is started again');
});

test('a function whose version cannot be started has failed until it is tried again', (t) => {
  const { state, record } = one();
  state.generation(record.current.id).failed(new StartError('failed', 'no such file /var/lib/x'), atMs);
  t.deepEqual(state.failedStart(record, atMs), { reason: 'it could not be started', retryInMs: 500 });
  t.is(state.failedStart(record, atMs + 500), undefined);
});

test('a function that runs and was never ready is told apart from one that crash-loops', (t) => {
  const { state, record, replica } = one();
  replica.started('10.62.0.2', atMs);
  t.is(state.neverReady(record.current.id, atMs + 10_000), undefined, 'it may be about to be ready');
  t.regex(state.neverReady(record.current.id, atMs + 30_000) ?? '', /never ready: does it listen on port 8080/);
  replica.becameReady(atMs + 31_000);
  replica.becameUnready();
  t.is(state.neverReady(record.current.id, atMs + 40_000), undefined);
  replica.observed({ status: 'stopped', exitStatus: 1 }, atMs + 41_000);
  t.is(state.neverReady(record.current.id, atMs + 90_000), undefined);
});
