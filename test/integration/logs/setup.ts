import { copyFile, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Containerd } from '../../../src/containerd/index.ts';
import { createLog } from '../../../src/base/log.ts';
import { LogStore, type LogReplica, type TaskStdio } from '../../../src/logs/index.ts';
import { startContainerd } from '../../helpers/containerd.ts';

/** A containerd, a store of logs, and a folder that is the root file system of all tasks. */
export async function startLogs(options: { journalSocket?: string } = {}) {
  await using undo = new AsyncDisposableStack();
  const daemon = undo.use(await startContainerd());
  const containerd = undo.adopt(new Containerd({ address: daemon.address }), (client) => client.close());
  const dir = undo.adopt(await mkdtemp(join(tmpdir(), 'logs-')), (path) => rm(path, { recursive: true }));
  const rootfs = join(dir, 'rootfs');
  await makeRootfs(rootfs);
  const warnings: string[] = [];
  const log = createLog({ level: 'warn', write: (line) => warnings.push(line) });
  const create = () => new LogStore({ dir: join(dir, 'logs'), log, ...options });
  const logs = { store: create() };
  undo.defer(() => logs.store.stop());
  await logs.store.start();
  const disposal = undo.move();
  return {
    daemon,
    warnings,
    logs,
    async restartStore() {
      await logs.store.stop();
      logs.store = create();
      await logs.store.start();
    },
    client: (namespace: string) => containerd.namespace(namespace),
    /** Starts a shell script as a task that writes where it is told to. */
    async startTask({ id, namespace }: LogReplica, script: string, stdio: TaskStdio) {
      const client = containerd.namespace(namespace);
      await containerd.namespaces.create({ name: namespace });
      await client.containers.create({
        id,
        image: '',
        spec: specOf(script),
        snapshotter: 'overlayfs',
        snapshotKey: '',
      });
      const mount = { type: 'bind', source: rootfs, target: '', options: ['rbind', 'ro'] };
      await client.tasks.create({ containerId: id, rootfs: [mount], ...stdio });
      const ended = client.tasks.wait({ containerId: id });
      await client.tasks.start({ containerId: id });
      return { ended };
    },
    [Symbol.asyncDispose]: () => disposal.disposeAsync(),
  };
}

async function makeRootfs(rootfs: string): Promise<void> {
  await mkdir(join(rootfs, 'bin'), { recursive: true });
  for (const folder of ['proc', 'dev']) await mkdir(join(rootfs, folder));
  await copyFile('/bin/busybox', join(rootfs, 'bin/busybox'));
  for (const applet of ['sh', 'sleep', 'yes', 'head']) await symlink('busybox', join(rootfs, 'bin', applet));
}

function specOf(script: string): object {
  return {
    ociVersion: '1.0.2',
    process: { args: ['/bin/sh', '-c', script], cwd: '/', env: ['PATH=/bin'], user: { uid: 0, gid: 0 } },
    root: { path: 'rootfs', readonly: true },
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs' },
    ],
    linux: { namespaces: ['pid', 'mount', 'ipc', 'uts', 'network'].map((type) => ({ type })) },
  };
}
