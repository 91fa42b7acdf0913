import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContainerd } from '../helpers/containerd.ts';
import { run } from '../helpers/processes.ts';
import { remove, update } from '../integration/lifecycle/setup.ts';
import { timed } from './figures.ts';
import { deployed, sleepNow, startWorld, untilAnswers, type Bench, type World } from './world.ts';

const group = 'life';
const namespace = 'bench';
const plugins = ['/opt/cni/bin', '/usr/lib/cni', '/usr/libexec/cni'];

/** Deploys, updates and wakes, beside the plainest programs that start the same image. */
export async function benchLife(bench: Bench): Promise<void> {
  await using world = await startWorld(bench);
  const { containerd, berth, image } = world;
  await containerd.ctr('namespaces', 'create', namespace);
  await containerd.ctr('-n', namespace, 'images', 'pull', '--plain-http', image);
  await deployed(berth, { service: 'warm', image, envVars: { VERSION: 'first' } });
  for (const depth of ['cold', 'standby'] as const) {
    await deployed(berth, { service: depth, image, labels: { 'com.openfaas.scale.zero-depth': depth } });
    await sleepNow(world, depth, depth);
  }
  // The first of each is not counted: programs and files are read from disk.
  for (let round = 0; round <= (bench.quick ? 3 : 9); round++) {
    const add = (what: string, contender: string, ms: number) => {
      if (round > 0) bench.figures.add(group, what, 'ms', contender, ms);
    };
    bench.say(`life, round ${round}`);
    const deploy = 'deploy to first 200';
    add(deploy, 'ctr run -d', await ctrRun(containerd, image));
    add(deploy, 'ctr run + bridge', await ctrRunWithBridge(containerd, image));
    add(deploy, 'berth', await timed(() => deployed(berth, { service: 'new', image })));
    await remove(berth, 'new');
    add('update, answered by the new version', 'berth', await updateOnce(world, `version-${round}`));
    for (const depth of ['cold', 'standby']) {
      add(`wake, ${depth}`, 'berth', await timed(() => untilAnswers(`${berth.url}/function/${depth}`)));
      await sleepNow(world, depth, depth);
    }
    if (bench.peer) for (const [what, ms] of await bench.peer.live()) add(what, 'peer', ms);
  }
}

async function updateOnce({ berth, image }: World, VERSION: string): Promise<number> {
  return timed(async () => {
    await update(berth, { service: 'warm', image, envVars: { VERSION } });
    await untilAnswers(`${berth.url}/function/warm`, (text) => text === VERSION);
  });
}

/** Until `ctr run` returns; the container has no network, and nothing can be asked of it. */
async function ctrRun(containerd: TestContainerd, image: string): Promise<number> {
  const ms = await timed(() => containerd.ctr('-n', namespace, 'run', '-d', image, 'plain'));
  await removeContainer(containerd, 'plain');
  return ms;
}

/** The same in a network namespace that the bridge plugin has attached, until it answers. */
async function ctrRunWithBridge(containerd: TestContainerd, image: string): Promise<number> {
  const netns = '/run/netns/bench';
  const ms = await timed(async () => {
    await run('ip', ['netns', 'add', 'bench']);
    const address = await bridge('ADD', netns);
    await containerd.ctr('-n', namespace, 'run', '-d', '--with-ns', `network:${netns}`, image, 'bridged');
    await untilAnswers(`http://${address}:8080/`);
  });
  await removeContainer(containerd, 'bridged');
  await bridge('DEL', netns);
  await run('ip', ['netns', 'delete', 'bench']);
  return ms;
}

async function removeContainer(containerd: TestContainerd, id: string): Promise<void> {
  await containerd.ctr('-n', namespace, 'tasks', 'delete', '--force', id);
  await containerd.ctr('-n', namespace, 'containers', 'delete', id);
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
