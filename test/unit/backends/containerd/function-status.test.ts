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
    containerd: { namespace: () => ({ tasks: { metrics } }) } as unknown as Containerd,
    store: { get: () => record } as unknown as FunctionStore,
    states: { get: () => state } as unknown as FunctionStates,
    routes: new RoutingTable(),
  } as FunctionQueriesOptions);
  return {
    replica,
    change: (next: (record: FunctionRecord) => FunctionRecord) => (record = next(record)),
    status: (usage: boolean) => queries.status(fn, { usage }),
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
