import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { silentLog } from '../../../../src/base/log.ts';
import { FunctionStore } from '../../../../src/backends/containerd/desired/function-store.ts';
import { newGeneration } from '../../../../src/backends/containerd/desired/record.ts';
import { ReplicaRoom } from '../../../../src/backends/containerd/replica-room.ts';
import { Deployments } from '../../../../src/backends/containerd/deployments.ts';
import type { FunctionNamespaces } from '../../../../src/backends/containerd/function-namespaces.ts';
import type { GenerationImages } from '../../../../src/backends/containerd/generation-images.ts';
import type { InUse } from '../../../../src/backends/containerd/in-use.ts';
import type { GenerationOutcome } from '../../../../src/backends/containerd/reconcile/function-state.ts';
import { FunctionStates } from '../../../../src/backends/containerd/reconcile/function-states.ts';
import type { Reconciler } from '../../../../src/backends/containerd/reconcile/reconciler.ts';
import type { Sweep } from '../../../../src/backends/containerd/sweep.ts';
import { superseded } from '../../../../src/backends/containerd/start-error.ts';
import { defaultTiming } from '../../../../src/backends/containerd/timing.ts';
import { SecretStore } from '../../../../src/secrets/index.ts';
import { BadRequestError, EventFeed, type FunctionName } from '../../../../src/provider/index.ts';
import { until } from '../../../helpers/poll.ts';

const fn = { name: 'fn', namespace: 'openfaas-fn' };

/** A first deployment that waits to hear how it went; all later ones are ready at once. */
async function firstDeployment(t: ExecutionContext) {
  const dir = await mkdtemp(join(tmpdir(), 'berth-deployments-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  const store = new FunctionStore({ dir, at: () => {}, log: silentLog });
  const first = Promise.withResolvers<GenerationOutcome>();
  const asked = Promise.withResolvers<void>();
  let outcomes = 0;
  const outcome = (): Promise<GenerationOutcome> => {
    asked.resolve();
    return outcomes++ === 0 ? first.promise : Promise.resolve({ ready: true });
  };
  const deployments = new Deployments({
    events: new EventFeed(),
    store,
    secrets: new SecretStore({ dir: join(dir, 'secrets') }),
    images: {
      requireLogins: () => Promise.resolve(),
      ensure: () => Promise.resolve({ digest: 'sha256:1' }),
    } as unknown as GenerationImages,
    reconciler: { wake() {}, superseded() {}, imagePulled() {}, outcome } as unknown as Reconciler,
    namespaces: { require: () => Promise.resolve() } as unknown as FunctionNamespaces,
    inUse: { hold() {}, letGo() {} } as unknown as InUse,
    sweep: { images: () => Promise.resolve() } as unknown as Sweep,
    room: new ReplicaRoom({ addresses: 65_533, log: silentLog }),
    answerMs: 10_000,
  });
  const deployed = t.throwsAsync(deployments.deploy({ ...fn, image: 'fn:broken' }), { message: 'no command' });
  await asked.promise;
  return {
    dir,
    store,
    deployments,
    fail: async () => {
      first.resolve({ ready: false, error: new BadRequestError('no command') });
      await deployed;
    },
  };
}

test('a first deployment that cannot be run takes itself back', async (t) => {
  const { store, fail } = await firstDeployment(t);
  await fail();
  t.false(store.has(fn));
});

test('a first deployment that fails does not take back what was deployed in its place meanwhile', async (t) => {
  const { store, deployments, fail } = await firstDeployment(t);
  await deployments.remove(fn);
  t.is(await deployments.deploy({ ...fn, image: 'fn:mended' }), 'ready');
  await fail();
  t.is(store.get(fn)?.current.deployment.image, 'fn:mended');
});

test('a first deployment that fails leaves the update that came meanwhile', async (t) => {
  const { store, deployments, fail } = await firstDeployment(t);
  t.is(await deployments.update({ ...fn, image: 'fn:mended' }), 'ready');
  await fail();
  t.is(store.get(fn)?.candidate?.deployment.image, 'fn:mended');
});

test('a function whose file was deleted by hand can be removed', async (t) => {
  const { store, deployments, dir, fail } = await firstDeployment(t);
  await deployments.update({ ...fn, image: 'fn:mended' });
  await fail();
  await rm(join(dir, fn.namespace, 'fn.json'));
  await t.notThrowsAsync(deployments.remove(fn));
  t.false(store.has(fn));
});

test('an image reference that is none is refused before anything is asked', async (t) => {
  const { store, deployments, fail } = await firstDeployment(t);
  await fail();
  const other = { name: 'other', namespace: 'openfaas-fn', image: `fn:${'x'.repeat(200)}` };
  await t.throwsAsync(deployments.deploy(other), { message: /is no tag/ });
  t.false(store.has(other));
});

test('more replicas than there are addresses are refused by their number, and nothing is changed', async (t) => {
  const { store, deployments, fail } = await firstDeployment(t);
  const before = store.get(fn);
  const room = { message: /100000 is more than the 65533 addresses of the subnet/, instanceOf: BadRequestError };
  await t.throwsAsync(deployments.scale(fn, 100_000, {}), room);
  const labels = { 'com.openfaas.scale.min': '100000' };
  await t.throwsAsync(deployments.update({ ...fn, image: 'fn:many', labels }), room);
  await t.throwsAsync(deployments.deploy({ ...fn, name: 'many', image: 'fn:many', labels }), room);
  t.is(store.get(fn), before);
  await deployments.scale(fn, 100_000, { durable: false });
  t.is(store.get(fn)?.replicas, 65_533, 'what scales by itself gets as many as there are');
  await fail();
});

/** A function that runs, and what is said to whom of updates whose pulls end as the test says. */
async function slowPulls(t: ExecutionContext) {
  const dir = await mkdtemp(join(tmpdir(), 'berth-deployments-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  const store = new FunctionStore({ dir, at: () => {}, log: silentLog });
  const version = (image: string) => newGeneration({ ...fn, image }, 'sha256:1');
  await store.change(fn, () => ({
    schema: 1,
    current: version('fn:one'),
    previous: version('fn:zero'),
    replicas: 1,
    asleep: false,
  }));
  const states = new FunctionStates(defaultTiming);
  const pulls = new Map<string, PromiseWithResolvers<{ digest: string }>>();
  const pull = (image: string) => {
    const known = pulls.get(image) ?? Promise.withResolvers<{ digest: string }>();
    pulls.set(image, known);
    return known;
  };
  const isThere = { namespace: true };
  const [woken, settled]: [FunctionName[], string[]] = [[], []];
  const deployments = new Deployments({
    events: new EventFeed(),
    store,
    secrets: new SecretStore({ dir: join(dir, 'secrets') }),
    images: {
      requireLogins: () => Promise.resolve(),
      ensure: ({ image }: { image: string }) => pull(image).promise,
    } as unknown as GenerationImages,
    reconciler: {
      wake: (woke: FunctionName) => woken.push(woke),
      imagePulled() {},
      superseded(of: FunctionName, id: string) {
        settled.push(id);
        states.of(of).settle(id, { ready: false, error: superseded(of) });
      },
      outcome: (of: FunctionName, id: string) => states.of(of).outcome(id),
    } as unknown as Reconciler,
    namespaces: {
      require: () => (isThere.namespace ? Promise.resolve() : Promise.reject(new BadRequestError('no such namespace'))),
    } as unknown as FunctionNamespaces,
    inUse: { hold() {}, letGo() {} } as unknown as InUse,
    sweep: { images: () => Promise.resolve() } as unknown as Sweep,
    room: new ReplicaRoom({ addresses: 65_533, log: silentLog }),
    answerMs: 10_000,
  });
  const update = (image: string) => {
    const updated = deployments.update({ ...fn, image });
    updated.catch(() => {});
    return updated;
  };
  const pulling = (image: string) => until(() => pulls.has(image));
  const pulled = async (image: string) => {
    await pulling(image);
    pull(image).resolve({ digest: 'sha256:2' });
  };
  const candidate = () => store.get(fn)?.candidate;
  const ready = () => states.of(fn).settle(candidate()?.id ?? '', { ready: true });
  return { dir, store, deployments, settled, isThere, woken, update, pulling, pulled, candidate, ready };
}

test('an update of a function whose first image is still being pulled comes after it', async (t) => {
  const { store, deployments, pulling, pulled } = await slowPulls(t);
  const young = { name: 'young', namespace: 'openfaas-fn' };
  const first = deployments.deploy({ ...young, image: 'fn:first' });
  await pulling('fn:first');
  const again = deployments.update({ ...young, image: 'fn:again' });
  for (const waiting of [first, again]) waiting.catch(() => {});
  await pulled('fn:first');
  await pulled('fn:again');
  await until(() => store.get(young)?.candidate);
  t.is(store.get(young)?.current.deployment.image, 'fn:first');
  t.is(store.get(young)?.candidate?.deployment.image, 'fn:again');
});

const overtaken = { message: /a newer update of fn\.openfaas-fn has taken its place/ };

test('of two updates at once the later one wins, though its pull ends first, and the earlier caller is told', async (t) => {
  const { update, pulled, candidate, ready } = await slowPulls(t);
  const earlier = update('fn:two');
  await until(() => true);
  const later = update('fn:three');
  await pulled('fn:three');
  await until(() => candidate());
  await pulled('fn:two');
  await t.throwsAsync(earlier, overtaken);
  t.is(candidate()?.deployment.image, 'fn:three');
  ready();
  t.is(await later, 'ready');
});

test('of two updates at once the later one wins also where its pull ends last', async (t) => {
  const { update, pulled, candidate, ready } = await slowPulls(t);
  const earlier = update('fn:two');
  const later = update('fn:three');
  await pulled('fn:two');
  await until(() => candidate()?.deployment.image === 'fn:two');
  await pulled('fn:three');
  await t.throwsAsync(earlier, overtaken);
  ready();
  t.is(await later, 'ready');
});

test('a rollback takes the place of an update that starts or is still pulled, and its caller is told', async (t) => {
  const { deployments, update, pulled, candidate } = await slowPulls(t);
  const starting = update('fn:two');
  await pulled('fn:two');
  await until(() => candidate());
  const pulling = update('fn:three');
  await deployments.rollBack(fn);
  await t.throwsAsync(starting, overtaken);
  await pulled('fn:three');
  await t.throwsAsync(pulling, overtaken);
  t.is(candidate()?.deployment.image, 'fn:zero');
});

test('a file that asks for what runs takes the place of an update that is still pulled', async (t) => {
  const { store, deployments, update, pulling, pulled, candidate } = await slowPulls(t);
  const earlier = update('fn:two');
  await pulling('fn:two');
  const file = { path: '/etc/berth/functions.d/fn.yml', digest: 'of fn:one' };
  t.is(await deployments.update({ ...fn, image: 'fn:one' }, { file }), 'ready');
  await pulled('fn:two');
  await t.throwsAsync(earlier, overtaken);
  t.is(candidate(), undefined);
  t.deepEqual(store.get(fn)?.file, file);
});

test('an update that cannot be written leaves nobody waiting to hear of it', async (t) => {
  const { dir, settled, woken, update, pulled } = await slowPulls(t);
  await rm(join(dir, fn.namespace), { recursive: true });
  await writeFile(join(dir, fn.namespace), '');
  const updated = update('fn:two');
  await pulled('fn:two');
  await t.throwsAsync(updated, { message: /EEXIST|ENOTDIR/ });
  t.is(settled.length, 1);
  // It was begun while it was being written, and is to be taken back.
  t.is(woken.length, 2);
});

test('a function whose namespace goes while it is pulled is not stored', async (t) => {
  const { store, deployments, isThere, pulled } = await slowPulls(t);
  const deployed = t.throwsAsync(deployments.deploy({ ...fn, name: 'new', image: 'fn:two' }), {
    message: 'no such namespace',
  });
  await until(() => true);
  isThere.namespace = true;
  await new Promise((resolve) => setImmediate(resolve));
  isThere.namespace = false;
  await pulled('fn:two');
  await deployed;
  t.false(store.has({ ...fn, name: 'new' }));
});
