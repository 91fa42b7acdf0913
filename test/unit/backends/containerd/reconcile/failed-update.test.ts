import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { absentAs } from '../../../../../src/base/absent-file.ts';
import { silentLog } from '../../../../../src/base/log.ts';
import { FunctionStore } from '../../../../../src/backends/containerd/desired/function-store.ts';
import {
  candidateDropped,
  newGeneration,
  parseRecord,
  promoted,
  replicasWanted,
  rolledBack,
  type FunctionRecord,
} from '../../../../../src/backends/containerd/desired/record.ts';
import { ReplicaRoom } from '../../../../../src/backends/containerd/replica-room.ts';
import { Deployments } from '../../../../../src/backends/containerd/deployments.ts';
import type { FunctionNamespaces } from '../../../../../src/backends/containerd/function-namespaces.ts';
import type { GenerationImages } from '../../../../../src/backends/containerd/generation-images.ts';
import type { InUse } from '../../../../../src/backends/containerd/in-use.ts';
import { FunctionState } from '../../../../../src/backends/containerd/reconcile/function-state.ts';
import type { Reconciler } from '../../../../../src/backends/containerd/reconcile/reconciler.ts';
import type { StepParts } from '../../../../../src/backends/containerd/reconcile/reconciler-parts.ts';
import { Rollouts } from '../../../../../src/backends/containerd/reconcile/rollouts.ts';
import type { Sweep } from '../../../../../src/backends/containerd/sweep.ts';
import { EventFeed } from '../../../../../src/provider/index.ts';
import { defaultTiming } from '../../../../../src/backends/containerd/timing.ts';
import { SecretStore } from '../../../../../src/secrets/index.ts';

const fn = { name: 'fn', namespace: 'openfaas-fn' };

/** A sleeping function whose update has crashed: the update is being dropped, and the log is slow to give its last line. */
async function failingUpdate(t: ExecutionContext) {
  const dir = await mkdtemp(join(tmpdir(), 'berth-failed-update-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  const store = new FunctionStore({ dir, at: () => {}, log: silentLog });
  const candidate = newGeneration({ ...fn, image: 'fn:broken' }, 'sha256:2');
  const current = newGeneration({ ...fn, image: 'fn:one' }, 'sha256:1');
  await store.change(fn, () => ({ schema: 1, current, candidate, replicas: 1, asleep: true }));
  const state = new FunctionState(fn, defaultTiming);
  const replica = state.newReplica(candidate.id);
  replica.started('10.62.0.2', 0);
  replica.observed({ status: 'stopped', exitStatus: 3 }, 1);
  const line = Promise.withResolvers<string>();
  async function* query() {
    yield { text: await line.promise };
  }
  const host = { logs: { archive: { query } }, events: new EventFeed() };
  const rollouts = new Rollouts({ store, host, wake() {}, log: silentLog } as unknown as StepParts);
  const deployments = new Deployments({
    events: new EventFeed(),
    store,
    secrets: new SecretStore({ dir: join(dir, 'secrets') }),
    images: {
      requireLogins: () => Promise.resolve(),
      ensure: () => Promise.resolve({ digest: 'sha256:3' }),
    } as unknown as GenerationImages,
    reconciler: {
      wake() {},
      imagePulled() {},
      superseded() {},
      outcome: () => Promise.resolve({ ready: true }),
    } as unknown as Reconciler,
    namespaces: { require: () => Promise.resolve() } as unknown as FunctionNamespaces,
    inUse: { hold() {}, letGo() {} } as unknown as InUse,
    sweep: { images: () => Promise.resolve() } as unknown as Sweep,
    room: new ReplicaRoom({ addresses: 65_533, log: silentLog }),
    answerMs: 50,
  });
  const onDisk = async (): Promise<FunctionRecord | undefined> => {
    const text = await readFile(join(dir, fn.namespace, `${fn.name}.json`), 'utf8').catch(absentAs(undefined));
    return text === undefined ? undefined : parseRecord(text);
  };
  const dropped = rollouts.dropCandidate(state);
  return {
    store,
    deployments,
    onDisk,
    endDrop: async () => {
      line.resolve('no such module');
      await dropped;
    },
  };
}

test('a function that is deleted while its failed update is dropped stays deleted', async (t) => {
  const { store, deployments, onDisk, endDrop } = await failingUpdate(t);
  await deployments.remove(fn);
  await endDrop();
  t.is(store.get(fn), undefined);
  t.is(await onDisk(), undefined);
});

test('an update that comes while a failed one is dropped is kept', async (t) => {
  const { store, deployments, onDisk, endDrop } = await failingUpdate(t);
  t.is(await deployments.update({ ...fn, image: 'fn:mended' }), 'ready');
  await endDrop();
  t.is(store.get(fn)?.candidate?.deployment.image, 'fn:mended');
  t.is((await onDisk())?.candidate?.deployment.image, 'fn:mended');
});

test('a wake that comes while a failed update is dropped is kept', async (t) => {
  const { store, deployments, onDisk, endDrop } = await failingUpdate(t);
  await deployments.scale(fn, 1, { durable: false });
  await endDrop();
  t.false(store.get(fn)?.asleep);
  t.false((await onDisk())?.asleep);
  t.is(store.get(fn)?.candidate, undefined);
  t.regex(store.get(fn)?.failure?.reason ?? '', /exited with code 3; its last line: no such module/);
});

test('a version with more replicas takes over with them, and one that fails leaves the number as it was', async (t) => {
  const { store, deployments, endDrop } = await failingUpdate(t);
  await endDrop();
  await deployments.update({ ...fn, image: 'fn:many', labels: { 'com.openfaas.scale.min': '10' } });
  t.is(store.get(fn)?.replicas, 1);
  const record = store.get(fn);
  t.is(record && candidateDropped(record, record.candidate?.id ?? '', 'no').replicas, 1);
  const many = record && promoted(record);
  t.is(many && replicasWanted(many, many.current), 10);
  const back = many && promoted(rolledBack(many, 'it crashed again and again'));
  t.is(back && replicasWanted(back, back.current), 1, 'also when it fails after it took over');
});
