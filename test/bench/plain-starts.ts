import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Containerd } from '../../src/containerd/index.ts';
import type { TestContainerd } from '../helpers/containerd.ts';
import { run } from '../helpers/processes.ts';
import { timed } from './figures.ts';
import { untilAnswers } from './world.ts';

const namespace = 'bench';
const plugins = ['/opt/cni/bin', '/usr/lib/cni', '/usr/libexec/cni'];

/** The plainest ways to start an image that containerd has; each takes down again what it has started. */
export interface PlainStarts extends AsyncDisposable {
  /** Until `ctr run` returns; the container has no network, and nothing can be asked of it. */
  ctrRun(): Promise<number>;
  /** The same in a network namespace that the bridge plugin has attached, until it answers. */
  ctrRunWithBridge(): Promise<number>;
  /** Without a network, of a container that is there: until its task is created and started, and the start by itself. */
  task(): Promise<{ created: number; started: number }>;
  /** The same with all that the task of a sleeping function has, in its network, until it answers. */
  taskLike(replica: string, ip: string): Promise<{ created: number; started: number }>;
}

export async function preparePlainStarts(containerd: TestContainerd, image: string): Promise<PlainStarts> {
  const ctr = (...args: string[]) => containerd.ctr('--namespace', namespace, ...args);
  await containerd.ctr('namespaces', 'create', namespace);
  await ctr('images', 'pull', '--plain-http', image);
  const connection = new Containerd({ address: containerd.address });
  const { containers, snapshots, tasks } = connection.namespace(namespace);
  const remove = async (id: string) => {
    await ctr('tasks', 'delete', '--force', id);
    await ctr('containers', 'delete', id);
  };
  return {
    async ctrRun() {
      const ms = await timed(() => ctr('run', '-d', image, 'plain'));
      await remove('plain');
      return ms;
    },
    async ctrRunWithBridge() {
      const netns = '/run/netns/bench';
      const ms = await timed(async () => {
        await run('ip', ['netns', 'add', 'bench']);
        const address = await bridge('ADD', netns);
        await ctr('run', '-d', '--with-ns', `network:${netns}`, image, 'bridged');
        await untilAnswers(`http://${address}:8080/`);
      });
      await remove('bridged');
      await bridge('DEL', netns);
      await run('ip', ['netns', 'delete', 'bench']);
      return ms;
    },
    async task() {
      await ctr('containers', 'create', image, 'bare');
      const rootfs = await snapshots.mounts({ snapshotter: 'overlayfs', key: 'bare' });
      const created = await timed(() => tasks.create({ containerId: 'bare', rootfs }));
      const started = await timed(() => tasks.start({ containerId: 'bare' }));
      await remove('bare');
      return { created: created + started, started };
    },
    async taskLike(replica, ip) {
      const { spec } = await connection.namespace('openfaas-fn').containers.get(replica);
      await ctr('containers', 'create', image, 'base');
      const { snapshotter, snapshotKey } = await containers.get('base');
      const rootfs = await snapshots.mounts({ snapshotter, key: snapshotKey });
      const { linux } = spec as { linux: object };
      const same = { ...spec, linux: { ...linux, cgroupsPath: '/bench/like' } };
      await containers.create({ id: 'like', labels: {}, image, spec: same, snapshotter, snapshotKey });
      const created = await timed(() => tasks.create({ containerId: 'like', rootfs }));
      const started = await timed(async () => {
        await tasks.start({ containerId: 'like' });
        await untilAnswers(`http://${ip}:8080/`);
      });
      await ctr('tasks', 'delete', '--force', 'like');
      await containers.delete('like');
      await ctr('containers', 'delete', 'base');
      return { created: created + started, started };
    },
    [Symbol.asyncDispose]: () => Promise.resolve(connection.close()),
  };
}

const conflist = {
  cniVersion: '0.4.0',
  name: 'bench',
  type: 'bridge',
  bridge: 'bench0',
  isGateway: true,
  ipam: {
    type: 'host-local',
    ranges: [[{ subnet: '10.63.0.0/16' }]],
    dataDir: '/run/netns/ipam',
    routes: [{ dst: '0.0.0.0/0' }],
  },
};

/** Runs the bridge plugin; gives the address that it set. */
async function bridge(command: 'ADD' | 'DEL', netns: string): Promise<string> {
  const env = {
    PATH: process.env.PATH,
    CNI_COMMAND: command,
    CNI_CONTAINERID: 'bench',
    CNI_NETNS: netns,
    CNI_IFNAME: 'eth0',
    CNI_PATH: plugins.join(':'),
  };
  const child = spawn(await pluginPath(), { env, stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify(conflist));
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`bridge ${command}: ${text}`);
  return /"address":\s*"([\d.]+)/.exec(text)?.[1] ?? '';
}

async function pluginPath(): Promise<string> {
  for (const folder of plugins) {
    const path = join(folder, 'bridge');
    if (await readFile(path).catch(() => undefined)) return path;
  }
  throw new Error(`no CNI plugin bridge in ${plugins.join(', ')}`);
}
