import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestBerth } from '../../helpers/berth.ts';
import type { TestContainerd } from '../../helpers/containerd.ts';
import { until } from '../../helpers/poll.ts';
import { run } from '../../helpers/processes.ts';
import { tasksIn } from '../functions/setup.ts';

/**
 * As much of a power cut and a boot as there can be without a machine: every process dies at once; what a boot finds
 * empty is emptied: run folders, mounts, network namespaces, the bridge, rules. Disks keep what they have.
 */
export async function reboot(berth: TestBerth, containerd: TestContainerd, namespaces: string[]): Promise<void> {
  await cutPower(berth, containerd, namespaces);
  await containerd.start();
  await berth.start();
}

/** The first half of a reboot. */
export async function cutPower(berth: TestBerth, containerd: TestContainerd, namespaces: string[]): Promise<void> {
  const tasks = (await Promise.all(namespaces.map((name) => tasksIn(containerd, name)))).flat();
  await Promise.all([berth.kill('SIGKILL'), containerd.kill('SIGKILL')]);
  // The shims first: they would note the end of their tasks.
  for (const pid of [...(await shimsOf(containerd.address)), ...tasks.map((task) => task.pid)]) {
    process.kill(pid, 'SIGKILL');
  }
  await until(async () => (await shimsOf(containerd.address)).length === 0, { message: 'the end of the shims' });
  await unmountAll([containerd.state, '/run/netns']);
  await Promise.all([containerd.state, '/run/netns', '/run/containerd', join(berth.folder, 'run')].map(empty));
  for (const link of await berthLinks()) await run('ip', ['link', 'delete', link]).catch(() => {});
  await run('/usr/sbin/nft', ['flush', 'ruleset']);
}

async function shimsOf(address: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const commands = await Promise.all(
    pids.map((pid) => readFile(join('/proc', pid, 'cmdline'), 'utf8').catch(() => '')),
  );
  return pids
    .filter((_, index) => {
      const [program = '', ...args] = commands[index]?.split('\0') ?? [];
      return /containerd-shim/.test(program) && args.includes(address);
    })
    .map(Number);
}

async function unmountAll(folders: string[]): Promise<void> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').map((line) => line.split(' ')[4] ?? '');
  const inside = mounts.filter((path) => folders.some((folder) => path.startsWith(`${folder}/`)));
  for (const path of inside.reverse()) await run('umount', ['--lazy', path]);
}

async function empty(folder: string): Promise<void> {
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true });
}

async function berthLinks(): Promise<string[]> {
  const links = (await run('ip', ['-brief', 'link', 'show'])).stdout.split('\n').filter(Boolean);
  return links.map((line) => line.split(/[\s@]/)[0] ?? '').filter((name) => name !== 'lo');
}
