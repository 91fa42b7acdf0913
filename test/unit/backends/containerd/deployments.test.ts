import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { silentLog } from '../../../../src/base/log.ts';
import { FunctionStore } from '../../../../src/backends/containerd/desired/function-store.ts';
import { Deployments } from '../../../../src/backends/containerd/deployments.ts';
import type { FunctionNamespaces } from '../../../../src/backends/containerd/function-namespaces.ts';
import type { GenerationImages } from '../../../../src/backends/containerd/generation-images.ts';
import type { InUse } from '../../../../src/backends/containerd/in-use.ts';
import type { GenerationOutcome } from '../../../../src/backends/containerd/reconcile/function-state.ts';
import type { Reconciler } from '../../../../src/backends/containerd/reconcile/reconciler.ts';
import type { Sweep } from '../../../../src/backends/containerd/sweep.ts';
import { SecretStore } from '../../../../src/secrets/index.ts';
import { BadRequestError } from '../../../../src/provider/index.ts';

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
    store,
    secrets: new SecretStore({ dir: join(dir, 'secrets') }),
    images: { ensure: () => Promise.resolve({ digest: 'sha256:1' }) } as unknown as GenerationImages,
    reconciler: { wake() {}, superseded() {}, imagePulled() {}, outcome } as unknown as Reconciler,
    namespaces: { require: () => Promise.resolve() } as unknown as FunctionNamespaces,
    inUse: { hold() {}, letGo() {} } as unknown as InUse,
    sweep: { images: () => Promise.resolve() } as unknown as Sweep,
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
