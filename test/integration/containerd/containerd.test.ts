import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import {
  Containerd,
  ContainerdError,
  isAlreadyExists,
  isCancelled,
  isDeadlineExceeded,
  isFailedPrecondition,
  isInvalidArgument,
  isNotFound,
  isUnavailable,
  jsonAny,
  parseJsonAny,
} from '../../../src/containerd/index.ts';
import type { ContainerdEvent, NamespacedClient } from '../../../src/containerd/index.ts';
import { startContainerd } from '../../helpers/containerd.ts';
import type { TestContainerd } from '../../helpers/containerd.ts';
import { until } from '../../helpers/poll.ts';

const snapshotter = 'overlayfs';
let daemon: TestContainerd;
let containerd: Containerd;

test.before(async () => {
  daemon = await startContainerd();
  containerd = new Containerd({ address: daemon.address });
});

test.after.always(async () => {
  containerd?.close();
  await daemon?.stop();
});

let counter = 0;
/** A containerd namespace that no other test uses. */
function namespace(): NamespacedClient {
  return containerd.namespace(`test-${++counter}`);
}

/** Collecting garbage is common to all namespaces, so what a test leaves without an owner is under a lease. */
async function leasedNamespace(): Promise<NamespacedClient> {
  const client = namespace();
  return client.withLease((await client.leases.create()).id);
}

const spec = { ociVersion: '1.0.2' };

function blob(size: number) {
  const data = randomBytes(size);
  return { data, digest: `sha256:${createHash('sha256').update(data).digest('hex')}` };
}

async function store(client: NamespacedClient, { data, digest }: { data: Buffer; digest: string }): Promise<void> {
  await using writer = await client.content.openWriter({ ref: `ref-${digest}`, total: data.length, expected: digest });
  await writer.write(data);
  await writer.commit();
}

test('version, plugins and server tell about the daemon', async (t) => {
  t.true((await containerd.version()).version.includes(daemon.version));
  t.regex((await containerd.introspection.server()).uuid, /^[\da-f-]{36}$/);
  const plugins = await containerd.introspection.plugins(['type==io.containerd.snapshotter.v1']);
  const overlay = plugins.find(({ id }) => id === snapshotter);
  t.is(overlay?.initError, undefined);
  t.is(overlay?.platforms[0]?.os, 'linux');
});

test('namespaces are created, labelled, listed and deleted', async (t) => {
  const { namespaces } = containerd;
  t.deepEqual(await namespaces.create({ name: 'ns-1', labels: { openfaas: '1' } }), {
    name: 'ns-1',
    labels: { openfaas: '1' },
  });
  t.true(isAlreadyExists(await t.throwsAsync(namespaces.create({ name: 'ns-1' }))));
  await namespaces.update({ name: 'ns-1', labels: { owner: 'me' } }, ['labels.owner']);
  t.deepEqual((await namespaces.get('ns-1')).labels, { openfaas: '1', owner: 'me' });
  t.true((await namespaces.list()).some(({ name }) => name === 'ns-1'));

  await containerd.namespace('ns-1').containers.create({ id: 'c1', spec });
  t.true(isFailedPrecondition(await t.throwsAsync(namespaces.delete('ns-1'))));
  await containerd.namespace('ns-1').containers.delete('c1');
  await namespaces.delete('ns-1');
  t.true(isNotFound(await t.throwsAsync(namespaces.get('ns-1'))));
});

test('a container keeps its spec, labels, runtime and extensions, and changes only where told', async (t) => {
  const { containers } = namespace();
  const spec = { ociVersion: '1.0.2', process: { args: ['/bin/true'] } };
  const deployment = { service: 'fn', labels: { empty: '' } };
  await containers.create({
    id: 'c1',
    labels: { 'com.openfaas/function': 'fn', keep: 'x' },
    image: 'docker.io/library/fn:1',
    spec,
    snapshotter,
    snapshotKey: 'c1',
    runtime: { options: { systemdCgroup: true } },
    extensions: { deployment: jsonAny('berth/deployment', deployment) },
  });
  await containers.create({ id: 'c2', spec });

  const c1 = await containers.get('c1');
  t.like(c1, { id: 'c1', image: 'docker.io/library/fn:1', runtime: 'io.containerd.runc.v2', spec, snapshotKey: 'c1' });
  t.deepEqual(parseJsonAny(c1.extensions['deployment']!), deployment);
  t.true(Math.abs(c1.createdAt!.getTime() - Date.now()) < 60_000);

  await containers.update({ id: 'c1', labels: { 'com.openfaas/function': 'g' } }, ['labels.com.openfaas/function']);
  const updated = await containers.get('c1');
  t.deepEqual(updated.labels, { 'com.openfaas/function': 'g', keep: 'x' });
  t.deepEqual(updated.spec, spec);

  const found = await containers.list(['labels."com.openfaas/function"==g']);
  t.deepEqual(
    found.map(({ id }) => id),
    ['c1'],
  );
  t.is((await containers.list()).length, 2);
  t.true(isAlreadyExists(await t.throwsAsync(containers.create({ id: 'c1', spec }))));
  t.true(isInvalidArgument(await t.throwsAsync(containers.create({ id: 'a--b', spec }))));
  await containers.delete('c1');
  t.true(isNotFound(await t.throwsAsync(containers.get('c1'))));
});

test('an error names method and namespace', async (t) => {
  const client = namespace();
  const error = await t.throwsAsync(client.tasks.get('nobody'), { instanceOf: ContainerdError });
  t.like(error, { method: 'Tasks.Get', namespace: client.name, code: 5 });
  t.regex(error.message, /nobody/);
});

test('a blob is written in pieces, read back whole and in part, labelled, listed and deleted', async (t) => {
  const { content } = await leasedNamespace();
  const { data, digest } = blob(3 * 1024 * 1024 + 17);
  const writer = await content.openWriter({ ref: 'r1', total: data.length, expected: digest });
  t.is(writer.offset, 0);
  await writer.write(data.subarray(0, 100));
  await writer.write(data.subarray(100));
  t.is(writer.offset, data.length);
  await writer.commit({ labels: { a: 'b' } });
  await writer.close();

  t.like(await content.info(digest), { digest, size: data.length, labels: { a: 'b' } });
  t.true(data.equals(await content.readAll(digest)));
  const pieces: Buffer[] = [];
  for await (const piece of content.read(digest, { offset: 10, size: 2_000_000 })) pieces.push(piece);
  t.true(data.subarray(10, 2_000_010).equals(Buffer.concat(pieces)));

  const key = 'containerd.io/gc.ref.content.m.0';
  t.is((await content.update({ digest, labels: { [key]: digest } }, [`labels.${key}`])).labels[key], digest);
  t.deepEqual(
    (await content.list([`labels."${key}"=="${digest}"`])).map((info) => info.digest),
    [digest],
  );
  await content.delete(digest);
  t.true(isNotFound(await t.throwsAsync(content.readAll(digest))));
});

test('a blob that is there is refused at once', async (t) => {
  const client = await leasedNamespace();
  const bytes = blob(10);
  await store(client, bytes);
  t.true(isAlreadyExists(await t.throwsAsync(store(client, bytes))));
});

test('a blob of another namespace needs only a commit', async (t) => {
  const bytes = blob(1000);
  await store(await leasedNamespace(), bytes);
  const { content } = await leasedNamespace();
  const writer = await content.openWriter({ ref: 'r', total: 1000, expected: bytes.digest });
  t.is(writer.offset, 1000);
  await writer.commit();
  t.true(bytes.data.equals(await content.readAll(bytes.digest)));
});

test('a later writer goes on where a closed one stopped', async (t) => {
  const { content } = await leasedNamespace();
  const { data, digest } = blob(5000);
  const wanted = { ref: 'resumed', total: data.length, expected: digest };
  const first = await content.openWriter(wanted);
  await first.write(data.subarray(0, 2000));
  await first.close();
  t.like(await content.status('resumed'), { ref: 'resumed', offset: 2000, total: 5000 });

  const second = await content.openWriter(wanted);
  t.is(second.offset, 2000);
  await second.write(data.subarray(2000));
  await second.commit();
  t.true(data.equals(await content.readAll(digest)));
});

test('a writer that restarts begins the blob anew', async (t) => {
  const { content } = await leasedNamespace();
  const { data, digest } = blob(5000);
  await using writer = await content.openWriter({ ref: 'anew', total: data.length, expected: digest });
  await writer.write(Buffer.alloc(3000));
  await writer.restart();
  t.is(writer.offset, 0);
  await writer.write(data);
  await writer.commit();
  t.true(data.equals(await content.readAll(digest)));
});

test('abort throws away what was written', async (t) => {
  const { content } = await leasedNamespace();
  const { data, digest } = blob(100);
  const writer = await content.openWriter({ ref: 'gone', total: 100, expected: digest });
  await writer.write(data.subarray(0, 50));
  await writer.close();
  t.is((await content.listStatuses()).length, 1);
  await content.abort('gone');
  t.deepEqual(await content.listStatuses(), []);
});

test('after a commit of wrong bytes the next writer begins at 0 and succeeds', async (t) => {
  const { content } = await leasedNamespace();
  const { data, digest } = blob(5000);
  const wanted = { ref: 'wrong', total: data.length, expected: digest };
  const first = await content.openWriter(wanted);
  await first.write(Buffer.alloc(5000));
  t.true(isFailedPrecondition(await t.throwsAsync(first.commit())));
  await first.close();

  const second = await content.openWriter(wanted);
  t.is(second.offset, 0);
  await second.write(data);
  await second.commit();
  t.is((await content.info(digest)).size, 5000);
});

test('two writers of one blob under different refs both succeed', async (t) => {
  const { content } = await leasedNamespace();
  const { data, digest } = blob(100);
  const writers = await Promise.all(
    ['r1', 'r2'].map((ref) => content.openWriter({ ref, total: 100, expected: digest })),
  );
  for (const writer of writers) await writer.write(data);
  for (const writer of writers) await writer.commit();
  t.is((await content.info(digest)).size, 100);
});

test('a second writer of one ref waits for the first', async (t) => {
  const { content } = await leasedNamespace();
  const { data, digest } = blob(100);
  const wanted = { ref: 'shared', total: 100, expected: digest };
  const first = await content.openWriter(wanted);
  await first.write(data.subarray(0, 60));
  const error = await t.throwsAsync(content.openWriter(wanted, { timeoutMs: 30 }));
  t.true(isUnavailable(error));

  const waiting = content.openWriter(wanted);
  await first.close();
  const second = await waiting;
  t.is(second.offset, 60);
  await second.close();
});

test('a signal ends a writer and frees the ref for the next', async (t) => {
  const { content } = await leasedNamespace();
  const { data, digest } = blob(100);
  const wanted = { ref: 'left', total: 100, expected: digest };
  const abort = new AbortController();
  const first = await content.openWriter(wanted, { signal: abort.signal });
  await first.write(data.subarray(0, 60));
  abort.abort();
  t.true(isCancelled(await t.throwsAsync(first.write(data.subarray(60)))));
  await first.close();
  const second = await content.openWriter(wanted);
  t.is(second.offset, 60);
  await second.close();
});

test('a lease keeps what is written under it, and its deletion lets go', async (t) => {
  const client = namespace();
  const expiresAt = new Date(Date.now() + 3_600_000);
  const lease = await client.leases.create({ labels: { a: 'b' }, expiresAt });
  t.like(lease.labels, { a: 'b', 'containerd.io/gc.expire': expiresAt.toISOString() });
  const { data, digest } = blob(100);
  await store(client.withLease(lease.id), { data, digest });
  const kept = { id: digest, type: 'content' };
  t.deepEqual(await client.leases.listResources(lease.id), [kept]);
  t.deepEqual(
    (await client.leases.list()).map(({ id }) => id),
    [lease.id],
  );

  const other = await client.leases.create({ id: 'other' });
  await client.leases.addResource(other.id, kept);
  await client.leases.delete(lease.id, { sync: true });
  t.is((await client.content.info(digest)).size, 100);
  await client.leases.deleteResource(other.id, kept);
  await client.leases.delete(other.id, { sync: true });
  t.true(isNotFound(await t.throwsAsync(client.content.info(digest))));
});

test('a lease that is gone refuses writes', async (t) => {
  const client = namespace().withLease('gone');
  t.true(isNotFound(await t.throwsAsync(client.snapshots.prepare({ snapshotter, key: 'k' }))));
});

test('an image names a blob, and its deletion collects the blob', async (t) => {
  const client = namespace();
  const { id } = await client.leases.create();
  const leased = client.withLease(id);
  const { data, digest } = blob(100);
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

test('snapshots are prepared, committed, viewed and removed', async (t) => {
  const client = namespace();
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
  t.is((await snapshots.view({ snapshotter, key: 'v', parent: 'base' }))[0]?.options.includes('ro'), true);
  await snapshots.update({ snapshotter, key: 'b', labels: { m: '2' } }, ['labels.m']);
  t.like(await snapshots.stat({ snapshotter, key: 'b' }), { parent: 'base', labels: { m: '2' } });
  t.true((await snapshots.usage({ snapshotter, key: 'b' })).inodes >= 1);
  t.deepEqual((await snapshots.list({ snapshotter })).map(({ name }) => name).sort(), ['b', 'base', 'v']);
  t.true(isFailedPrecondition(await t.throwsAsync(snapshots.remove({ snapshotter, key: 'base' }))));
  for (const key of ['b', 'v', 'base']) await snapshots.remove({ snapshotter, key });
  t.true(isNotFound(await t.throwsAsync(snapshots.stat({ snapshotter, key: 'b' }))));
});

/** Begins to read at once; containerd does not say when it has begun to send, so probes run until one is seen. */
async function subscribeTo(client: NamespacedClient, signal: AbortSignal): Promise<ContainerdEvent[]> {
  const seen: ContainerdEvent[] = [];
  const subscription = containerd.events.subscribe([`namespace==${client.name}`], { signal });
  void (async () => {
    for await (const event of subscription) seen.push(event);
  })().catch((error: unknown) => {
    if (!isCancelled(error)) throw error;
  });
  await until(async () => {
    await client.containers.create({ id: 'probe', spec });
    await client.containers.delete('probe');
    return seen.length > 0;
  });
  return seen;
}

test('a subscription sees what happens in the namespaces of its filter, and nothing else', async (t) => {
  const client = namespace();
  const other = namespace();
  const abort = new AbortController();
  const seen = await subscribeTo(client, abort.signal);
  await other.containers.create({ id: 'elsewhere', spec });
  await client.containers.create({ id: 'c1', spec });
  await client.containers.delete('c1');
  await until(() => seen.at(-1)?.topic === '/containers/delete' && seen.length % 2 === 0);
  t.true(seen.every((event) => event.namespace === client.name));
  t.true(seen.every((event) => Math.abs(event.timestamp.getTime() - Date.now()) < 60_000));
  const created = seen.findLast(({ topic }) => topic === '/containers/create')?.event;
  t.like(created, { type: 'other', typeUrl: 'containerd.events.ContainerCreate' });
  abort.abort();
});

test('a filter that containerd cannot read is thrown', async (t) => {
  const subscription = containerd.events.subscribe(['topic==/tasks/exit']);
  await t.throwsAsync(subscription.next(), { instanceOf: ContainerdError, message: /filter/ });
});

const busybox = '/bin/busybox';

/** A container that runs the host's busybox, on an empty snapshot. */
async function busyboxContainer(client: NamespacedClient, id: string, ...args: string[]) {
  const { id: leaseId } = await client.leases.create();
  const mounts = await client.withLease(leaseId).snapshots.prepare({ snapshotter, key: id });
  const bind = (path: string) => ({
    destination: path,
    source: path,
    type: 'bind',
    options: ['rbind', 'ro'],
  });
  const spec = {
    ociVersion: '1.0.2',
    process: { args: [busybox, ...args], cwd: '/', user: { uid: 0, gid: 0 } },
    root: { path: 'rootfs' },
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      ...['/bin', '/lib', '/lib64', '/usr'].map(bind),
      { destination: '/tmp', type: 'tmpfs', source: 'tmpfs' },
    ],
    linux: {
      cgroupsPath: `/${client.name}/${id}`,
      namespaces: ['pid', 'mount', 'ipc', 'uts', 'network'].map((type) => ({ type })),
      resources: { memory: { limit: 64 * 1024 * 1024 } },
    },
  };
  await client.containers.create({ id, snapshotter, snapshotKey: id, spec });
  await client.leases.delete(leaseId);
  return mounts;
}

async function remove(client: NamespacedClient, id: string): Promise<void> {
  await client.tasks.kill({ containerId: id, signal: 'SIGKILL' }).catch(() => undefined);
  await client.tasks.wait({ containerId: id });
  await client.tasks.delete(id);
  await client.containers.delete(id);
}

test('a task is created, started, measured, paused, changed, joined, ended and deleted', async (t) => {
  const client = namespace();
  const { tasks } = client;
  const abort = new AbortController();
  const seen = await subscribeTo(client, abort.signal);
  const folder = await mkdtemp(join(tmpdir(), 'task-'));
  const log = `file://${join(folder, 'log')}`;
  const rootfs = await busyboxContainer(client, 'c1', 'sh', '-c', 'trap "exit 3" TERM; while :; do sleep 0.05; done');

  const { pid } = await tasks.create({ containerId: 'c1', rootfs, stdout: log, stderr: log });
  t.true(pid > 0);
  t.like(await tasks.get('c1'), { containerId: 'c1', pid, status: 'CREATED', exitedAt: undefined, stdout: log });
  t.true(isAlreadyExists(await t.throwsAsync(tasks.create({ containerId: 'c1', rootfs }))));
  const exit = tasks.wait({ containerId: 'c1' });
  await tasks.start({ containerId: 'c1' });
  t.deepEqual(
    (await tasks.list()).map(({ containerId, status }) => ({ containerId, status })),
    [{ containerId: 'c1', status: 'RUNNING' }],
  );
  t.true((await tasks.listPids('c1')).includes(pid));

  const [metrics] = await tasks.metrics(['id==c1']);
  t.like(metrics, { containerId: 'c1', memoryLimitBytes: 64 * 1024 * 1024, oomKills: 0 });
  t.true(metrics!.cpuUsageNs > 0 && metrics!.memoryUsageBytes > 0 && metrics!.pids >= 1);
  await tasks.update({ containerId: 'c1', resources: { memory: { limit: 128 * 1024 * 1024 } } });
  t.is((await tasks.metrics(['id==c1']))[0]?.memoryLimitBytes, 128 * 1024 * 1024);

  await tasks.pause('c1');
  t.is((await tasks.get('c1')).status, 'PAUSED');
  await tasks.resume('c1');

  const exec = { containerId: 'c1', execId: 'e1' };
  const process = { args: [busybox, 'sh', '-c', 'exit 7'], cwd: '/', user: { uid: 0, gid: 0 } };
  await tasks.exec({ ...exec, process });
  await tasks.start(exec);
  t.is((await tasks.wait(exec)).exitStatus, 7);
  await tasks.deleteProcess(exec);

  const late = await t.throwsAsync(tasks.wait({ containerId: 'c1' }, { timeoutMs: 50 }));
  t.true(isDeadlineExceeded(late), String(late));
  await tasks.kill({ containerId: 'c1', signal: 'SIGTERM' });
  const { exitStatus, exitedAt } = await exit;
  t.is(exitStatus, 3);
  t.true(exitedAt instanceof Date);
  t.true(isNotFound(await t.throwsAsync(tasks.kill({ containerId: 'c1', signal: 9 }))));
  t.is((await tasks.delete('c1')).exitStatus, 3);
  t.true(isNotFound(await t.throwsAsync(tasks.get('c1'))));
  await client.containers.delete('c1');

  await until(() => seen.some(({ event }) => event.type === 'task-delete'));
  const told = seen.map(({ event }) => event);
  const ofType = (type: string) => told.filter((event) => event.type === type);
  t.like(ofType('task-start')[0], { containerId: 'c1', pid });
  const exits = told.filter((event) => event.type === 'task-exit');
  t.deepEqual(
    exits.map((event) => [event.containerId, event.execId, event.exitStatus]),
    [
      ['c1', 'e1', 7],
      ['c1', undefined, 3],
    ],
  );
  t.like(ofType('task-delete')[0], { containerId: 'c1', exitStatus: 3 });
  abort.abort();
  await rm(folder, { recursive: true });
});

test('running out of memory is told before the exit', async (t) => {
  const client = namespace();
  const abort = new AbortController();
  const seen = await subscribeTo(client, abort.signal);
  const rootfs = await busyboxContainer(client, 'hungry', 'sh', '-c', 'x=0123456789; while :; do x=$x$x; done');
  await client.tasks.create({ containerId: 'hungry', rootfs });
  await client.tasks.start({ containerId: 'hungry' });
  t.is((await client.tasks.wait({ containerId: 'hungry' })).exitStatus, 137);
  await until(() => seen.some(({ event }) => event.type === 'task-exit'));
  const types = seen.map(({ event }) => event.type).filter((type) => type === 'task-oom' || type === 'task-exit');
  t.deepEqual(types, ['task-oom', 'task-exit']);
  await remove(client, 'hungry');
  abort.abort();
});

test.serial('after the daemon dies and comes back, the same client works and tasks still run', async (t) => {
  await using own = await startContainerd();
  const client = new Containerd({ address: own.address });
  const { tasks, ...fn } = client.namespace('fn');
  try {
    await client.waitReady(AbortSignal.timeout(10_000));
    const rootfs = await busyboxContainer(client.namespace('fn'), 'c1', 'sleep', '1000');
    const { pid } = await tasks.create({ containerId: 'c1', rootfs });
    await tasks.start({ containerId: 'c1' });
    const broken = Promise.all([
      t.throwsAsync(tasks.wait({ containerId: 'c1' })),
      t.throwsAsync(client.events.subscribe().next()),
    ]);
    await sleep(100);

    await own.kill('SIGKILL');
    for (const error of await broken) t.true(isUnavailable(error), String(error));
    const refused = await t.throwsAsync(fn.containers.list());
    t.true(isUnavailable(refused));
    t.true(refused.message.includes(own.address));

    const ready = client.waitReady(AbortSignal.timeout(30_000));
    await own.start();
    await ready;
    t.like(await tasks.get('c1'), { pid, status: 'RUNNING' });
    await remove(client.namespace('fn'), 'c1');
  } finally {
    client.close();
  }
});
