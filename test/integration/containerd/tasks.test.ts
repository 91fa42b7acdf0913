import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import {
  Containerd,
  isAlreadyExists,
  isDeadlineExceeded,
  isNotFound,
  isUnavailable,
  type NamespacedClient,
} from '../../../src/containerd/index.ts';
import { startContainerd } from '../../helpers/containerd.ts';
import { until } from '../../helpers/poll.ts';
import { gatherEvents, snapshotter, setUp, type Setup } from './setup.ts';

let setup: Setup;

test.before(async () => {
  setup = await setUp();
});

test.after.always(async () => {
  await setup?.[Symbol.asyncDispose]();
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

test('a task is created, started, measured, joined, ended and deleted', async (t) => {
  const client = setup.namespace();
  const { tasks } = client;
  const abort = new AbortController();
  const seen = await gatherEvents(setup.containerd, client, abort.signal);
  const folder = await mkdtemp(join(tmpdir(), 'task-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const log = `file://${join(folder, 'log')}`;
  const rootfs = await busyboxContainer(client, 'c1', 'sh', '-c', 'trap "exit 3" TERM; while :; do sleep 0.05; done');

  const { pid } = await tasks.create({ containerId: 'c1', rootfs, stdout: log, stderr: log });
  t.true(pid > 0);
  t.like(await tasks.get('c1'), { containerId: 'c1', pid, status: 'CREATED', exitedAt: undefined, stdout: log });
  t.true(isAlreadyExists(await t.throwsAsync(tasks.create({ containerId: 'c1', rootfs }))));
  const exit = tasks.wait({ containerId: 'c1' });
  await tasks.start({ containerId: 'c1' });
  t.like(await tasks.get('c1'), { pid, status: 'RUNNING' });

  const [metrics] = await tasks.metrics(['id==c1']);
  t.like(metrics, { containerId: 'c1', memoryLimitBytes: 64 * 1024 * 1024, oomKills: 0 });
  t.true(metrics!.cpuUsageNs > 0 && metrics!.memoryUsageBytes > 0 && metrics!.pids >= 1);

  const ctr = (...args: string[]) => setup.daemon.ctr('-n', client.name, 'tasks', ...args);
  await ctr('pause', 'c1');
  t.is((await tasks.get('c1')).status, 'PAUSED');
  await ctr('resume', 'c1');
  await t.throwsAsync(ctr('exec', '--exec-id', 'e1', 'c1', busybox, 'sh', '-c', 'exit 7'));

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

  // Not the deletion: containerd 2 ends the shim without waiting until it has told of it.
  await until(() => seen.filter(({ event }) => event.type === 'task-exit').length === 2);
  const told = seen.map(({ event }) => event);
  t.like(
    told.find((event) => event.type === 'task-start'),
    { containerId: 'c1', pid },
  );
  t.deepEqual(
    told
      .filter((event) => event.type === 'task-exit')
      .map(({ containerId, execId, exitStatus }) => ({ containerId, execId, exitStatus })),
    [
      { containerId: 'c1', execId: 'e1', exitStatus: 7 },
      { containerId: 'c1', execId: undefined, exitStatus: 3 },
    ],
  );
  abort.abort();
});

test('running out of memory is told, and the exit', async (t) => {
  const client = setup.namespace();
  const abort = new AbortController();
  const seen = await gatherEvents(setup.containerd, client, abort.signal);
  const script = 'until [ -e /go ]; do sleep 0.05; done; x=0123456789; while :; do x=$x$x; done';
  const rootfs = await busyboxContainer(client, 'hungry', 'sh', '-c', script);
  const { pid } = await client.tasks.create({ containerId: 'hungry', rootfs });
  await client.tasks.start({ containerId: 'hungry' });
  // The shim is told of a lack of memory only from the end of the start on.
  await writeFile(`/proc/${pid}/root/go`, '');
  t.is((await client.tasks.wait({ containerId: 'hungry' })).exitStatus, 137);
  // In either order.
  for (const type of ['task-oom', 'task-exit']) {
    const event = await until(() => seen.find((told) => told.event.type === type)?.event, { message: type });
    t.like(event, { containerId: 'hungry' });
  }
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
    // A round trip on the same connection, so that both have begun.
    await tasks.get('c1');

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
