import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ContainerdFollower } from '../../../../src/backends/containerd/containerd-follower.ts';
import type { FunctionStore } from '../../../../src/backends/containerd/desired/function-store.ts';
import { NamespaceStore } from '../../../../src/backends/containerd/desired/namespace-store.ts';
import { FunctionNamespaces } from '../../../../src/backends/containerd/function-namespaces.ts';
import type { InUse } from '../../../../src/backends/containerd/in-use.ts';
import { Parts } from '../../../../src/backends/containerd/parts.ts';
import type { Reconciler } from '../../../../src/backends/containerd/reconcile/reconciler.ts';
import type { Host } from '../../../../src/backends/containerd/replicas/host.ts';
import type { Sweep } from '../../../../src/backends/containerd/sweep.ts';
import { silentLog } from '../../../../src/base/log.ts';
import { fullName, type FunctionName } from '../../../../src/provider/index.ts';
import { until } from '../../../helpers/poll.ts';
import { refusal, script, serveScripted, type Script } from './scripted-containerd.ts';

const wanted = { name: 'wanted', namespace: 'openfaas-fn' };

/** A follower of a scripted containerd, with one function wanted; each log of a replica is followed as `follow` says. */
async function following(
  t: ExecutionContext,
  told: Script,
  { files = [], follow = () => {} }: { files?: string[]; follow?: (id: string) => void } = {},
) {
  const dir = await mkdtemp(join(tmpdir(), 'berth-follower-'));
  await mkdir(join(dir, 'namespaces'));
  for (const name of files)
    await writeFile(join(dir, 'namespaces', `${name}.json`), '{"schema":1,"labels":{},"annotations":{}}');
  const server = await serveScripted(told);
  const ending = new AbortController();
  const log = silentLog;
  const parts = new Parts(log);
  const woken = new Set<string>();
  const followed: string[] = [];
  const tails = {
    follow({ id }: { id: string }) {
      follow(id);
      followed.push(id);
      return Promise.resolve();
    },
  };
  const storage = { look: () => Promise.resolve('overlayfs') };
  const replicaSecrets = { refresh: () => Promise.resolve() };
  const sweep = { all: () => Promise.resolve() } as Sweep;
  const follower = new ContainerdFollower({
    host: { containerd: server.client, storage, logs: { tails }, replicaSecrets, parts, log } as unknown as Host,
    namespaces: new FunctionNamespaces({
      containerd: server.client,
      store: new NamespaceStore({ dir: join(dir, 'namespaces'), log }),
      defaultNamespace: 'openfaas-fn',
      inUse: {} as InUse,
      sweep,
    }),
    store: { all: () => [{ function: wanted }] } as unknown as FunctionStore,
    reconciler: {
      wake: (fn: FunctionName) => void woken.add(fullName(fn)),
      wakeAll() {},
      lookAround: () => void woken.add(fullName(wanted)),
      settledOnce: true,
    } as unknown as Reconciler,
    sweep,
  });
  const running = follower.run(ending.signal);
  t.teardown(async () => {
    ending.abort();
    await running;
    await server[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  });
  const problemOf = (name: string) => parts.list().find((part) => part.name === name)?.problem;
  return { follower, woken, followed, problemOf };
}

test('a namespace that containerd refuses keeps no function from being adopted, and is said', async (t) => {
  const told = script({
    before(call, request) {
      const isRefused = call === 'Namespaces.Create' && JSON.stringify(request).includes('my--team');
      if (isRefused) throw refusal('INVALID_ARGUMENT', 'identifier "my--team" must match');
    },
  });
  const { follower, woken, problemOf } = await following(t, told, { files: ['my--team', 'other'] });
  await until(() => follower.settled, { message: 'adoption' });
  t.deepEqual([...woken], ['wanted.openfaas-fn']);
  t.true(told.namespaces.has('other'));
  t.regex(problemOf('namespaces') ?? '', /my--team/);
});

test('a task that containerd cannot tell of, and logs that cannot be followed, keep nothing else from being adopted', async (t) => {
  const told = script({
    containers: { 'openfaas-fn': { bad: 'one', mute: 'two', good: 'three' } },
    before(call, request) {
      if (call === 'Tasks.Get' && (request as { containerId: string }).containerId === 'bad')
        throw refusal('INTERNAL', 'ttrpc: closed');
    },
  });
  const follow = (id: string) => {
    if (id === 'mute') throw new Error('no space left on device');
  };
  const { follower, woken, followed, problemOf } = await following(t, told, { follow });
  await until(() => follower.settled, { message: 'adoption' });
  t.deepEqual(
    [...woken].sort(),
    ['one', 'three', 'two', 'wanted'].map((name) => `${name}.openfaas-fn`),
  );
  t.true(followed.includes('good'));
  t.regex(problemOf('adoption') ?? '', /no space left/);
});

test('what failed of adoption is tried again by itself', async (t) => {
  let failures = 0;
  const told = script({ containers: { 'openfaas-fn': { mute: 'one' } } });
  const follow = () => {
    if (failures++ === 0) throw new Error('no space left on device');
  };
  const { followed, problemOf } = await following(t, told, { follow });
  await until(() => followed.includes('mute'), { message: 'logs to be followed' });
  await until(() => problemOf('adoption') === undefined, { message: 'adoption to be well' });
  t.pass();
});

test('adoption that fails is tried after growing pauses, and leaves no subscription behind', async (t) => {
  const beganMs: number[] = [];
  const told = script({
    before(call) {
      if (call !== 'Namespaces.List') return;
      beganMs.push(performance.now());
      if (beganMs.length < 5) throw refusal('INTERNAL', 'database is locked');
    },
  });
  const { follower, problemOf } = await following(t, told);
  await until(() => problemOf('containerd')?.includes('database is locked'), { message: 'the problem to be said' });
  await until(() => follower.settled, { message: 'adoption' });
  const [first = 0, , , fourth = 0] = beganMs;
  // 100, 200 and 400 ms, and not three times 100.
  t.true(fourth - first >= 650, `four tries within ${fourth - first} ms`);
  await until(() => told.open.size === 1, { message: 'left subscriptions to be cancelled' });
  t.true(told.subscriptions >= 5);
});

test('a namespace whose label somebody takes off is one for functions again', async (t) => {
  const told = script();
  const { follower } = await following(t, told);
  await until(() => follower.settled, { message: 'adoption' });
  told.namespaces.set('openfaas-fn', {});
  const label = () => told.namespaces.get('openfaas-fn')?.['openfaas'];
  t.is(await until(label, { message: 'the label' }), '1');
});
