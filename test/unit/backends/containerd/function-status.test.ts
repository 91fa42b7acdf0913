import test from 'ava';
import type { Containerd } from '../../../../src/containerd/index.ts';
import {
  askedFor,
  newGeneration,
  rolledBack,
  type FunctionRecord,
} from '../../../../src/backends/containerd/desired/record.ts';
import type { FunctionStore } from '../../../../src/backends/containerd/desired/function-store.ts';
import { FunctionQueries, type FunctionQueriesOptions } from '../../../../src/backends/containerd/function-queries.ts';
import { FunctionState } from '../../../../src/backends/containerd/reconcile/function-state.ts';
import type { FunctionStates } from '../../../../src/backends/containerd/reconcile/function-states.ts';
import { defaultTiming } from '../../../../src/backends/containerd/timing.ts';
import { RoutingTable, type FunctionDeployment } from '../../../../src/provider/index.ts';

const fn = { name: 'fn', namespace: 'openfaas-fn' };
const sent = { 'com.openfaas.berth.note': 'mine', topic: 'x' };
const annotation = 'com.openfaas.berth.status';

function world(deployment: Partial<FunctionDeployment> = {}) {
  const current = newGeneration({ ...fn, image: 'fn:one', annotations: sent, ...deployment }, 'sha256:1');
  const state = new FunctionState(fn, defaultTiming);
  const replica = state.newReplica(current.id);
  replica.started('10.62.0.2', 0);
  replica.becameReady(0);
  let record: FunctionRecord = { schema: 1, current, replicas: 1, asleep: false };
  const metrics = () => Promise.resolve([]);
  const queries = new FunctionQueries({
    containerd: {
      namespace: () => ({ tasks: { metrics, get: () => Promise.resolve({ pid: process.pid }) } }),
    } as unknown as Containerd,
    store: { get: () => record } as unknown as FunctionStore,
    states: { get: () => state } as unknown as FunctionStates,
    routes: new RoutingTable(),
  } as FunctionQueriesOptions);
  return {
    replica,
    change: (next: (record: FunctionRecord) => FunctionRecord) => (record = next(record)),
    status: (usage: boolean) => queries.status(fn, { usage }),
    replicas: () => queries.replicas(fn),
    state,
  };
}

test('a function that is well has the annotations that were sent, whoever asks', async (t) => {
  const { status } = world();
  t.deepEqual((await status(false)).annotations, sent);
  t.deepEqual((await status(true)).annotations, sent);
  t.like(await status(false), { berth: { imageDigest: 'sha256:1', restarts: 0, reason: undefined } });
});

test('while a process is down, only who asks for usage is told so in one annotation', async (t) => {
  const { status, replica } = world();
  replica.observed({ status: 'stopped', exitStatus: 3 }, 1);
  t.deepEqual((await status(false)).annotations, sent);
  const { annotations, berth } = await status(true);
  t.deepEqual(Object.keys(annotations).sort(), [annotation, ...Object.keys(sent)].sort());
  t.regex(annotations[annotation] ?? '', /^ended last: its process exited with code 3 at /);
  t.like(berth, { restarts: 1 });
  replica.started('10.62.0.2', 2);
  replica.becameReady(2);
  t.deepEqual((await status(true)).annotations, sent);
});

test('a failed update is told, a rollback that was asked for is not', async (t) => {
  const { status, change } = world();
  const previous = newGeneration({ ...fn, image: 'fn:before' });
  change((record) => rolledBack({ ...record, previous }, 'it crashed again and again after the update'));
  t.regex((await status(true)).annotations[annotation] ?? '', /^last update: rolled back: it crashed again and again/);
  change((record) => rolledBack({ ...record, previous }, askedFor));
  t.deepEqual((await status(true)).annotations, sent);
  t.regex((await status(true)).berth?.failedUpdate ?? '', /^rolled back: it was asked for at /);
});

test('a type of load that is not known is told', async (t) => {
  const { status } = world({ labels: { 'com.openfaas.scale.type': 'queues' } });
  t.regex((await status(true)).annotations[annotation] ?? '', /scale\.type "queues" is not known/);
  t.is((await status(false)).berth?.warnings?.length, 1);
});

test('an annotation of the user stays, whatever its name', async (t) => {
  const { status, replica } = world({ annotations: { [annotation]: 'mine' } });
  replica.observed({ status: 'stopped', exitStatus: 3 }, 1);
  t.deepEqual((await status(true)).annotations, { [annotation]: 'mine' });
});

test('the status names the versions that there are', async (t) => {
  const { status, change } = world();
  const { berth } = await status(false);
  const record = change((now) => now);
  t.like(berth, { generation: record.current.id, deployedAt: record.current.createdAt, previous: undefined });
  const candidate = newGeneration({ ...fn, image: 'fn:two' });
  const previous = newGeneration({ ...fn, image: 'fn:nil' }, 'sha256:0');
  change((now) => ({ ...now, candidate, previous }));
  t.like((await status(false)).berth, {
    candidate: { generation: candidate.id, image: 'fn:two', deployedAt: candidate.createdAt },
    previous: { generation: previous.id, image: 'fn:nil', imageDigest: 'sha256:0' },
  });
});

test('a replica is told with its state, address, restarts and last exit', async (t) => {
  const { replica, replicas } = world();
  const { id, generation } = replica;
  t.like(await replicas(), [{ id, generation, state: 'ready', address: '10.62.0.2', restarts: 0, inFlight: 0 }]);
  t.regex((await replicas())[0]?.since ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/);
  replica.becameUnready();
  t.like(await replicas(), [{ state: 'unready', reason: 'its readiness probe fails, or it cannot be reached' }]);
  replica.observed({ status: 'stopped', exitStatus: 3 }, 1);
  const [stopped] = await replicas();
  t.like(stopped, { state: 'starting', since: undefined, restarts: 1, reason: 'its process exited with code 3' });
  t.regex(stopped?.lastExit ?? '', /^its process exited with code 3 at 20/);
});

test('replicas of a version that comes are told too, those that leave stop, and what a sleeping function keeps is none', async (t) => {
  const { replica, replicas, change, state } = world();
  const candidate = newGeneration({ ...fn, image: 'fn:two' });
  change((record) => ({ ...record, candidate }));
  const next = state.newReplica(candidate.id);
  t.like(await replicas(), [{ state: 'ready' }, { id: next.id, generation: candidate.id, state: 'starting' }]);
  change((record) => ({ ...record, candidate: undefined }));
  t.is((await replicas())[1]?.state, 'stopping');
  state.forget(next);
  replica.drainUntil(1);
  t.like(await replicas(), [{ state: 'stopping' }]);
  change((record) => ({ ...record, asleep: true }));
  t.is((await replicas()).length, 1);
  replica.stopped();
  t.deepEqual(await replicas(), []);
});

test('of a process older than the daemon the kernel says since when it runs', async (t) => {
  const { state, replica, replicas, change } = world();
  state.forget(replica);
  const adopted = state.newReplica(change((record) => record).current.id);
  adopted.observed({ status: 'running' }, 1);
  const [told] = await replicas();
  const beganMs = Date.now() - process.uptime() * 1000;
  t.true(Math.abs(Date.parse(told?.since ?? '') - beganMs) < 3000, told?.since);
  adopted.observed({ status: 'stopped', exitStatus: 3 }, 2);
  t.is((await replicas())[0]?.since, undefined);
});
