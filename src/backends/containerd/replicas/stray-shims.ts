import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { hasCode } from '../../../base/absent-file.ts';
import { run } from '../host-command.ts';

/**
 * A process that keeps one task for containerd:
 * https://github.com/containerd/containerd/blob/main/core/runtime/v2/README.md
 */
export interface Shim {
  pid: number;
  namespace: string;
  /** Id of the container. */
  id: string;
}

/** The folder in which shims have runc keep its containers. */
const runcRoot = '/run/containerd/runc';

/** Finds the shims of the containerd whose socket is at `address`, read from the host's processes. */
export async function shimsOf(address: string): Promise<Shim[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const shims = await Promise.all(pids.map((pid) => shimOf(pid, address)));
  return shims.filter((shim) => shim !== undefined);
}

async function shimOf(pid: number, address: string): Promise<Shim | undefined> {
  // A process that has ended meanwhile is none.
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  const args = commandLine.split('\0');
  const option = (name: string) => args[args.indexOf(name) + 1] ?? '';
  const isShim = path.basename(args[0] ?? '').startsWith('containerd-shim');
  if (!isShim || option('-address') !== address) return undefined;
  return { pid, namespace: option('-namespace'), id: option('-id') };
}

/**
 * Ends a shim that containerd has lost sight of, and its task. Asked to make a task by somebody who then goes away, be
 * it by a crash, containerd gives up while the shim goes on.
 */
export async function endShim({ pid, namespace, id }: Shim): Promise<void> {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It has ended by itself.
    if (!hasCode(error, 'ESRCH')) throw error;
  }
  await run('runc', ['--root', path.join(runcRoot, namespace), 'delete', '--force', id]);
}
