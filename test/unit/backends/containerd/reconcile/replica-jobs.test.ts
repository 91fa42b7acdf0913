import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { FunctionStore } from '../../../../../src/backends/containerd/desired/function-store.ts';
import { newGeneration } from '../../../../../src/backends/containerd/desired/record.ts';
import type { UnpackedImage } from '../../../../../src/backends/containerd/images/index.ts';
import { FunctionState } from '../../../../../src/backends/containerd/reconcile/function-state.ts';
import type { StepParts } from '../../../../../src/backends/containerd/reconcile/reconciler-parts.ts';
import { ReplicaJobs } from '../../../../../src/backends/containerd/reconcile/replica-jobs.ts';
import { Watches } from '../../../../../src/backends/containerd/reconcile/watches.ts';
import { StartTraces } from '../../../../../src/backends/containerd/reconcile/start-traces.ts';
import { untimed } from '../../../../../src/backends/containerd/start-trace.ts';
import { defaultTiming } from '../../../../../src/backends/containerd/timing.ts';
import { silentLog } from '../../../../../src/base/log.ts';
import { ContainerdError } from '../../../../../src/containerd/index.ts';
import { EventFeed, fullName, RoutingTable, type FunctionName } from '../../../../../src/provider/index.ts';
import { until } from '../../../../helpers/poll.ts';

const namespace = 'openfaas-fn';

/** Jobs whose first word with containerd, for the function of each, is `ask`; one replica of each function is wanted. */
async function world(t: ExecutionContext, names: string[], ask: (name: string) => Promise<never>) {
  const dir = await mkdtemp(join(tmpdir(), 'berth-jobs-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  const store = new FunctionStore({ dir, at: () => {}, log: silentLog });
  const routes = new RoutingTable();
  const functions = new Map<string, FunctionState>();
  for (const name of names) {
    const fn = { name, namespace };
    const current = newGeneration({ ...fn, image: 'fn:one' }, 'sha256:1');
    await store.change(fn, () => ({ schema: 1, current, replicas: 1, asleep: false }));
    const state = new FunctionState(fn, defaultTiming);
    state.generation(current.id).pulled({ chainId: 'sha256:x' } as UnpackedImage);
    functions.set(name, state);
  }
  const asked: string[] = [];
  const owner = (id: string) => [...functions].find(([, { replicas }]) => replicas.has(id))?.[0] ?? '';
  const client = {
    leases: { create: ({ id }: { id: string }) => told(owner(id.replace('berth-', ''))) },
    tasks: { get: (id: string) => told(owner(id)) },
  };
  const told = (name: string) => {
    asked.push(name);
    return ask(name);
  };
  const storage = { snapshotter: () => Promise.resolve('overlayfs') };
  const events = new EventFeed();
  const host = { containerd: { namespace: () => client }, storage, at: () => {}, timed: untimed, events };
  const woken: string[] = [];
  const parts = {
    store,
    routes,
    host,
    log: silentLog,
    traces: new StartTraces(silentLog),
    timing: defaultTiming,
    wake: (fn: FunctionName) => woken.push(fullName(fn)),
  } as unknown as StepParts;
  const jobs = new ReplicaJobs(parts, new Watches(parts));
  const state = (name: string) => functions.get(name)!;
  const replica = (name: string) => state(name).newReplica(store.get({ name, namespace })?.current.id ?? '');
  return { jobs, store, routes, events, asked, woken, state, replica };
}

const never = () => new Promise<never>(() => {});
const notFound = () =>
  Promise.reject(new ContainerdError({ method: 'Leases.Create', address: 'stand-in' }, 5, 'parent snapshot'));

test('no start waits for deletions, and one whose callers wait goes before the others', async (t) => {
  const starts = ['a', 'b', 'c', 'd', 'boot-1', 'boot-2', 'woken'];
  const gates = new Map(starts.map((name) => [name, Promise.withResolvers<never>()]));
  const { jobs, routes, asked, state, replica } = await world(t, ['gone', ...starts], (name) =>
    name === 'gone' ? never() : (gates.get(name)?.promise ?? never()),
  );
  for (let count = 0; count < 8; count++) jobs.begin(state('gone'), replica('gone').id, 'delete-replica');
  const call = t.throwsAsync(routes.resolve({ name: 'woken', namespace }, { waitMs: 1000 }));
  for (const name of starts) jobs.begin(state(name), replica(name).id, 'create-replica');
  const started = () => asked.filter((name) => name !== 'gone');
  await until(() => started().length === 4);
  t.deepEqual(started(), ['a', 'b', 'c', 'd']);
  gates.get('a')?.reject(new Error('no'));
  await until(() => started().length > 4);
  t.is(started()[4], 'woken');
  routes.delete({ name: 'woken', namespace });
  await call;
});

test('a replica is not made any more when its function has enough by then', async (t) => {
  const { jobs, asked, woken, state, replica } = await world(t, ['fn'], notFound);
  replica('fn').created();
  const { id } = replica('fn');
  jobs.begin(state('fn'), id, 'create-replica');
  await until(() => woken.length > 0);
  t.deepEqual(asked, []);
  t.false(state('fn').replicas.get(id)?.isThere);
});

test('layers that are gone by the time a replica is made are looked for again', async (t) => {
  const { jobs, store, woken, state, replica } = await world(t, ['fn'], notFound);
  const generation = state('fn').generation(store.get({ name: 'fn', namespace })?.current.id ?? '');
  t.true(generation.view().imageReady);
  jobs.begin(state('fn'), replica('fn').id, 'create-replica');
  await until(() => woken.length > 0);
  t.false(generation.view().imageReady);
});

test('whether a replica has a task is known, and asked only after a step that failed', async (t) => {
  const { jobs, asked, woken, state, replica } = await world(t, ['fn'], notFound);
  const made = replica('fn');
  made.created();
  jobs.begin(state('fn'), made.id, 'start-task');
  await until(() => woken.length === 1);
  t.deepEqual(asked, []);
  t.true(made.view(0).broken);
  jobs.begin(state('fn'), made.id, 'start-task');
  await until(() => woken.length === 2);
  t.deepEqual(asked, ['fn']);
});

test('why a replica cannot be started is told once for each cause, however often it is tried again', async (t) => {
  let reason = 'no room for 0123456789ab';
  const { jobs, events, woken, state, replica } = await world(t, ['fn'], () => Promise.reject(new Error(reason)));
  const fail = async (cause: string) => {
    reason = cause;
    const before = woken.length;
    jobs.begin(state('fn'), replica('fn').id, 'create-replica');
    await until(() => woken.length > before);
  };
  for (const cause of ['no room for 0123456789ab', 'no room for ba9876543210', 'disk full']) await fail(cause);
  const [first, second, ...more] = events.recent();
  t.like(first, {
    name: 'fn',
    kind: 'start-failed',
    severity: 'error',
    text: 'a replica could not be started: no room for 0123456789ab',
  });
  t.is(second?.text, 'a replica could not be started: disk full');
  t.deepEqual(more, []);
});

test('a candidate that cannot be started is not told of: the end of its update is', async (t) => {
  const { jobs, store, events, woken, state } = await world(t, ['fn'], () => Promise.reject(new Error('no')));
  const candidate = newGeneration({ name: 'fn', namespace, image: 'fn:two' }, 'sha256:2');
  await store.change({ name: 'fn', namespace }, (record) => record && { ...record, candidate });
  state('fn')
    .generation(candidate.id)
    .pulled({ chainId: 'sha256:y' } as UnpackedImage);
  jobs.begin(state('fn'), state('fn').newReplica(candidate.id).id, 'create-replica');
  await until(() => woken.length > 0);
  t.regex(state('fn').generation(candidate.id).failure?.message ?? '', /no/);
  t.deepEqual(events.recent(), []);
});
