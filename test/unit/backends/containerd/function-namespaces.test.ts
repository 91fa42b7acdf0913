import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { NamespaceStore } from '../../../../src/backends/containerd/desired/namespace-store.ts';
import { FunctionNamespaces } from '../../../../src/backends/containerd/function-namespaces.ts';
import type { InUse } from '../../../../src/backends/containerd/in-use.ts';
import type { Sweep } from '../../../../src/backends/containerd/sweep.ts';
import { silentLog } from '../../../../src/base/log.ts';
import { BadRequestError } from '../../../../src/provider/index.ts';
import { containerdNamespaces } from './containerd-namespaces.ts';

async function world(t: ExecutionContext, contents = () => Promise.resolve<string[]>([])) {
  const folder = await mkdtemp(join(tmpdir(), 'berth-namespaces-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const dir = join(folder, 'namespaces');
  const containerd = containerdNamespaces();
  const namespaces = new FunctionNamespaces({
    containerd,
    store: new NamespaceStore({ dir, log: silentLog }),
    defaultNamespace: 'openfaas-fn',
    inUse: { contents } as unknown as InUse,
    sweep: { namespace: () => Promise.resolve() } as unknown as Sweep,
  });
  await namespaces.ensure();
  return { namespaces, containerd, dir };
}

test('a name that containerd would refuse is refused before it is stored, so that the next start is no worse', async (t) => {
  const { namespaces, dir } = await world(t);
  const namespace = { name: 'my--team', labels: {}, annotations: {} };
  await t.throwsAsync(namespaces.create(namespace), { instanceOf: BadRequestError, message: /two dashes/ });
  t.deepEqual(await readdir(dir), []);
  await t.notThrowsAsync(namespaces.ensure());
});

test('a namespace that containerd refuses for any reason is not stored', async (t) => {
  const { namespaces, dir } = await world(t);
  const namespace = { name: 'team', labels: { a: 'x'.repeat(5000) }, annotations: {} };
  await t.throwsAsync(namespaces.create(namespace), { message: /label key and value/ });
  t.deepEqual(await readdir(dir), []);
  await namespaces.create({ ...namespace, labels: { a: '1' } });
  await t.throwsAsync(namespaces.update(namespace), { message: /label key and value/ });
  await t.notThrowsAsync(namespaces.ensure());
  t.is((await namespaces.get('team')).labels.a, '1');
});

test('a namespace that cannot be stored is not left in containerd', async (t) => {
  const { namespaces, dir } = await world(t);
  await rm(dir, { recursive: true });
  await writeFile(dir, 'no folder');
  await t.throwsAsync(namespaces.create({ name: 'team', labels: {}, annotations: {} }));
  t.deepEqual(await namespaces.list(), ['openfaas-fn']);
});

test('a namespace that was made by other tools is removed as one of ours', async (t) => {
  const { namespaces, containerd } = await world(t);
  await containerd.namespaces.create({ name: 'by-ctr', labels: { openfaas: '1' } });
  await t.notThrowsAsync(namespaces.remove('by-ctr'));
  t.deepEqual(await namespaces.list(), ['openfaas-fn']);
});

test('a label without a value is given back, though containerd keeps none', async (t) => {
  const { namespaces } = await world(t);
  await namespaces.create({ name: 'team', labels: { empty: '', full: 'x' }, annotations: {} });
  t.like(await namespaces.get('team'), { labels: { empty: '', full: 'x' } });
});

test('namespaces that are as they should be are not written again', async (t) => {
  const { namespaces, containerd } = await world(t);
  await namespaces.create({ name: 'team', labels: { empty: '', full: 'x' }, annotations: {} });
  const refuse = () => Promise.reject(new Error('written again'));
  containerd.namespaces.create = refuse;
  containerd.namespaces.update = refuse;
  await t.notThrowsAsync(namespaces.ensure());
});

test('nothing comes into a namespace that is being removed, and what was coming already keeps it', async (t) => {
  const asked = Promise.withResolvers<void>();
  const coming = Promise.withResolvers<string[]>();
  const { namespaces } = await world(t, () => (asked.resolve(), coming.promise));
  await namespaces.create({ name: 'team', labels: {}, annotations: {} });
  const removal = t.throwsAsync(namespaces.remove('team'), { message: /not empty: remove function new/ });
  await asked.promise;
  await t.throwsAsync(namespaces.require('team'), { instanceOf: BadRequestError, message: /is being removed/ });
  coming.resolve(['function new, which is being deployed,']);
  await removal;
  await t.notThrowsAsync(namespaces.require('team'));
});

test('a namespace that is made again while it is removed is there', async (t) => {
  const { namespaces, dir } = await world(t);
  const team = { name: 'team', labels: {}, annotations: { again: 'yes' } };
  await namespaces.create({ ...team, annotations: {} });
  await Promise.all([namespaces.remove('team'), namespaces.create(team)]);
  t.deepEqual((await namespaces.get('team')).annotations, team.annotations);
  t.deepEqual(await readdir(dir), ['team.json']);
});
