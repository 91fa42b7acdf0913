import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { silentLog } from '../../../../src/base/log.ts';
import { FunctionStore } from '../../../../src/backends/containerd/desired/function-store.ts';
import { newGeneration, type Generation } from '../../../../src/backends/containerd/desired/record.ts';
import { InUse } from '../../../../src/backends/containerd/in-use.ts';
import { FunctionStates } from '../../../../src/backends/containerd/reconcile/function-states.ts';
import { defaultTiming } from '../../../../src/backends/containerd/timing.ts';
import { SecretStore } from '../../../../src/secrets/index.ts';

const namespace = 'openfaas-fn';
const fn = { name: 'fn', namespace };

async function inUse(t: ExecutionContext) {
  const dir = await mkdtemp(join(tmpdir(), 'berth-in-use-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  const store = new FunctionStore({ dir: join(dir, 'functions'), at: () => {}, log: silentLog });
  const secrets = new SecretStore({ dir: join(dir, 'secrets') });
  await secrets.start();
  return { store, secrets, inUse: new InUse({ store, secrets, states: new FunctionStates(defaultTiming) }) };
}

test('images of all versions are in use, the previous one for rollback included', async (t) => {
  const { store, inUse: used } = await inUse(t);
  const version = (tag: string) => newGeneration({ ...fn, image: `fn:${tag}` }, `sha256:${tag}`);
  const [current, previous] = [version('two'), version('one')];
  await store.change(fn, () => ({ schema: 1, current, previous, replicas: 1, asleep: false }));
  t.deepEqual(used.images(namespace), [
    { image: 'fn:two', digest: 'sha256:two' },
    { image: 'fn:one', digest: 'sha256:one' },
  ]);
  t.deepEqual(used.images('other'), []);
});

test('the image of a deployment is in use from before its pull until its version is stored', async (t) => {
  const { inUse: used } = await inUse(t);
  const deployment = { ...fn, image: 'fn:new' };
  used.hold(deployment);
  t.deepEqual(used.images(namespace), [{ image: 'fn:new' }]);
  used.letGo(deployment);
  t.deepEqual(used.images(namespace), []);
});

test('functions, those being deployed and secrets are what a namespace holds', async (t) => {
  const { store, secrets, inUse: used } = await inUse(t);
  t.deepEqual(await used.contents(namespace), []);
  const current = newGeneration({ ...fn, image: 'fn:one' }, 'sha256:1');
  await store.change(fn, () => ({ schema: 1, current, replicas: 1, asleep: false }));
  await secrets.create(namespace, 'key', Buffer.from('value'));
  for (const name of ['fn', 'new']) used.hold({ ...fn, name, image: 'fn:two' });
  const contents = ['function fn', 'function new, which is being deployed,', 'secret key'];
  t.deepEqual(await used.contents(namespace), contents);
});

test('a secret is in use by functions whose present or next version names it, and by those being deployed', async (t) => {
  const { store, inUse: used } = await inUse(t);
  const version = (name: string, ...secrets: string[]) =>
    newGeneration({ name, namespace, image: 'fn:one', secrets }, 'sha256:1');
  const put = (name: string, rest: { candidate?: Generation; previous?: Generation }, ...secrets: string[]) =>
    store.change({ name, namespace }, () => ({
      schema: 1,
      current: version(name, ...secrets),
      replicas: 1,
      asleep: true,
      ...rest,
    }));
  await put('now', {}, 'key', 'other');
  await put('next', { candidate: version('next', 'key') });
  await put('before', { previous: version('before', 'key') });
  used.hold({ name: 'deploying', namespace, image: 'fn:one', secrets: ['key'] });
  used.hold({ name: 'elsewhere', namespace: 'dev', image: 'fn:one', secrets: ['key'] });
  t.deepEqual(used.secretUsers(namespace, 'key'), ['deploying', 'next', 'now']);
  t.deepEqual(used.secretUsers(namespace, 'other'), ['now']);
  t.deepEqual(used.secretUsers(namespace, 'unknown'), []);
  used.hold({ ...fn, name: 'private', image: 'fn', annotations: { 'com.openfaas.image.pull-secret': ' hub ' } });
  t.deepEqual(used.secretUsers(namespace, 'hub'), ['private']);
});
