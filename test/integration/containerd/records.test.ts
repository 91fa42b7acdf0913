import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {
  ContainerdError,
  isAlreadyExists,
  isFailedPrecondition,
  isInvalidArgument,
  isNotFound,
} from '../../../src/containerd/index.ts';
import { until } from '../../helpers/poll.ts';
import { anySpec, gatherEvents, randomBlob, snapshotter, store, setUp, type Setup } from './setup.ts';

let setup: Setup;

test.before(async () => {
  setup = await setUp();
});

test.after.always(async () => {
  await setup?.[Symbol.asyncDispose]();
});

test('version tells about the daemon', async (t) => {
  t.true((await setup.containerd.version()).version.includes(setup.daemon.version));
});

test('namespaces are created, labelled, listed and deleted', async (t) => {
  const { namespaces } = setup.containerd;
  t.deepEqual(await namespaces.create({ name: 'ns-1', labels: { openfaas: '1' } }), {
    name: 'ns-1',
    labels: { openfaas: '1' },
  });
  t.true(isAlreadyExists(await t.throwsAsync(namespaces.create({ name: 'ns-1' }))));
  await namespaces.update({ name: 'ns-1', labels: { owner: 'me' } }, ['labels.owner']);
  t.deepEqual((await namespaces.get('ns-1')).labels, { openfaas: '1', owner: 'me' });
  t.true((await namespaces.list()).some(({ name }) => name === 'ns-1'));

  await setup.containerd.namespace('ns-1').containers.create({ id: 'c1', spec: anySpec });
  t.true(isFailedPrecondition(await t.throwsAsync(namespaces.delete('ns-1'))));
  await setup.containerd.namespace('ns-1').containers.delete('c1');
  await namespaces.delete('ns-1');
  t.true(isNotFound(await t.throwsAsync(namespaces.get('ns-1'))));
});

test('the shim is told which program makes processes, where it is not to be runc', async (t) => {
  const { containers, name } = setup.namespace();
  await containers.create({ id: 'c1', spec: anySpec });
  await containers.create({ id: 'c2', spec: anySpec, ociRuntime: 'crun' });
  const runtimeOf = async (id: string) => {
    const info = await setup.daemon.ctr('--namespace', name, 'containers', 'info', id);
    return (JSON.parse(info) as { Runtime: unknown }).Runtime;
  };
  t.like(await runtimeOf('c1'), { Name: 'io.containerd.runc.v2', Options: null });
  const value = Buffer.from('\x32\x04crun').toString('base64');
  t.like(await runtimeOf('c2'), { Options: { type_url: 'containerd.runc.v1.Options', value } });
});

test('a container keeps its spec, labels and runtime, and is found by its labels', async (t) => {
  const { containers } = setup.namespace();
  const spec = { ociVersion: '1.0.2', process: { args: ['/bin/true'] } };
  await containers.create({
    id: 'c1',
    labels: { 'com.openfaas/function': 'fn', keep: 'x' },
    image: 'docker.io/library/fn:1',
    spec,
    snapshotter,
    snapshotKey: 'c1',
  });
  await containers.create({ id: 'c2', spec: anySpec });

  const c1 = await containers.get('c1');
  t.like(c1, { id: 'c1', image: 'docker.io/library/fn:1', runtime: 'io.containerd.runc.v2', spec, snapshotKey: 'c1' });
  t.deepEqual(c1.labels, { 'com.openfaas/function': 'fn', keep: 'x' });
  t.true(Math.abs(c1.createdAt!.getTime() - Date.now()) < 60_000);

  const found = await containers.list(['labels."com.openfaas/function"==fn']);
  t.deepEqual(
    found.map(({ id }) => id),
    ['c1'],
  );
  t.is((await containers.list()).length, 2);
  t.true(isAlreadyExists(await t.throwsAsync(containers.create({ id: 'c1', spec: anySpec }))));
  t.true(isInvalidArgument(await t.throwsAsync(containers.create({ id: 'a--b', spec: anySpec }))));
  await containers.delete('c1');
  t.true(isNotFound(await t.throwsAsync(containers.get('c1'))));
});

test('an error names method and namespace', async (t) => {
  const client = setup.namespace();
  const error = await t.throwsAsync(client.tasks.get('nobody'), { instanceOf: ContainerdError });
  t.like(error, { method: 'Tasks.Get', namespace: client.name, code: 5 });
  t.regex(error.message, /nobody/);
});

test('a lease keeps what is written under it, and its deletion lets go', async (t) => {
  const client = setup.namespace();
  const expiresAt = new Date(Date.now() + 3_600_000);
  const lease = await client.leases.create({ labels: { a: 'b' }, expiresAt });
  t.like(lease.labels, { a: 'b', 'containerd.io/gc.expire': expiresAt.toISOString() });
  const { data, digest } = randomBlob(100);
  await store(client.withLease(lease.id), { data, digest });
  t.deepEqual(
    (await client.leases.list()).map(({ id }) => id),
    [lease.id],
  );

  const other = await client.leases.create({ id: 'other' });
  await client.leases.addResource(other.id, { id: digest, type: 'content' });
  await client.leases.delete(lease.id, { sync: true });
  t.is((await client.content.info(digest)).size, 100);
  await client.leases.delete(other.id, { sync: true });
  t.true(isNotFound(await t.throwsAsync(client.content.info(digest))));
});

test('a lease that is gone refuses writes', async (t) => {
  const client = setup.namespace().withLease('gone');
  t.true(isNotFound(await t.throwsAsync(client.snapshots.prepare({ snapshotter, key: 'k' }))));
});

test('an image names a blob, and its deletion collects the blob', async (t) => {
  const client = setup.namespace();
  const { id } = await client.leases.create();
  const leased = client.withLease(id);
  const { data, digest } = randomBlob(100);
  await store(leased, { data, digest });
  const target = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size: 100, annotations: { a: 'b' } };
  const name = 'registry.local/fn:1';
  await leased.images.create({ name, target, labels: { x: 'y' } });
  await client.leases.delete(id, { sync: true });

  t.like(await client.images.get(name), { name, target, labels: { x: 'y' } });
  t.true(isAlreadyExists(await t.throwsAsync(client.images.create({ name, target }))));
  t.deepEqual((await client.images.update({ name, target, labels: { x: 'z' } })).labels, { x: 'z' });
  t.is((await client.images.list([`name=="${name}"`])).length, 1);
  await client.images.delete(name, { sync: true });
  t.true(isNotFound(await t.throwsAsync(client.content.info(digest))));
});

test('snapshots are prepared, committed and removed', async (t) => {
  const client = setup.namespace();
  const { id } = await client.leases.create();
  const { snapshots } = client.withLease(id);
  const mounts = await snapshots.prepare({ snapshotter, key: 'a', labels: { l: '1' } });
  t.is(mounts.length, 1);
  t.deepEqual(await snapshots.mounts({ snapshotter, key: 'a' }), mounts);
  t.like(await snapshots.stat({ snapshotter, key: 'a' }), { name: 'a', kind: 'ACTIVE', labels: { l: '1' } });
  t.true(isAlreadyExists(await t.throwsAsync(snapshots.prepare({ snapshotter, key: 'a' }))));

  await snapshots.commit({ snapshotter, key: 'a', name: 'base' });
  const top = await snapshots.prepare({ snapshotter, key: 'b', parent: 'base' });
  t.is(top[0]?.type, 'overlay');
  t.like(await snapshots.stat({ snapshotter, key: 'b' }), { parent: 'base', kind: 'ACTIVE' });
  t.true(isFailedPrecondition(await t.throwsAsync(snapshots.remove({ snapshotter, key: 'base' }))));
  for (const key of ['b', 'base']) await snapshots.remove({ snapshotter, key });
  t.true(isNotFound(await t.throwsAsync(snapshots.stat({ snapshotter, key: 'b' }))));
});

test('a subscription sees what happens in the namespaces of its filter, and nothing else', async (t) => {
  const client = setup.namespace();
  const other = setup.namespace();
  const abort = new AbortController();
  const seen = await gatherEvents(setup.containerd, client, abort.signal);
  await other.containers.create({ id: 'elsewhere', spec: anySpec });
  await client.containers.create({ id: 'c1', spec: anySpec });
  await client.containers.delete('c1');
  await until(() => seen.at(-1)?.topic === '/containers/delete' && seen.length % 2 === 0);
  t.true(seen.every((event) => event.namespace === client.name));
  t.true(seen.every((event) => Math.abs(event.timestamp.getTime() - Date.now()) < 60_000));
  const created = seen.findLast(({ topic }) => topic === '/containers/create')?.event;
  t.like(created, { type: 'other', typeUrl: 'containerd.events.ContainerCreate' });
  abort.abort();
});

test('a filter that containerd cannot read is thrown', async (t) => {
  const subscription = setup.containerd.events.subscribe(['topic==/tasks/exit']);
  await t.throwsAsync(subscription.next(), { instanceOf: ContainerdError, message: /filter/ });
});

// By itself among the tests: it foresees which folder containerd makes next.
test.serial('what a crash left of a snapshot fails no other', async (t) => {
  const { snapshots } = await setup.leasedNamespace();
  const [mount] = await snapshots.prepare({ snapshotter, key: 'before' });
  const folder = path.dirname(mount?.source ?? '');
  const next = path.join(path.dirname(folder), String(Number(path.basename(folder)) + 1));
  await mkdir(path.join(next, 'fs'), { recursive: true });
  const [made] = await snapshots.prepare({ snapshotter, key: 'after' });
  t.is(made?.source, path.join(next, 'fs'));
});
