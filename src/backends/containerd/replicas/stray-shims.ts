import { open, readdir, readlink } from 'node:fs/promises';
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
const shimName = 'containerd-shim';

/** Options of a shim stand at the front of its command line. */
const longestCommandLine = 4096;

/** Finds the shims of the containerd whose socket is at `address`, read from the host's processes. */
export async function shimsOf(address: string): Promise<Shim[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const ours = await readlink('/proc/self/ns/pid');
  const shims: Shim[] = [];
  // One at a time: what another process holds up is to hold up one thread of ours.
  for (const pid of pids) {
    const shim = (await isShim(pid, ours)) ? await shimOf(pid, address) : undefined;
    if (shim) shims.push(shim);
  }
  return shims;
}

/** Whether a process is a shim by what the kernel says: a function may call itself whatever it likes, inside namespaces of its own. */
async function isShim(pid: number, ourPidNamespace: string): Promise<boolean> {
  // A process that has ended meanwhile is none.
  const link = (name: string) => readlink(`/proc/${pid}/${name}`).catch(() => '');
  if (!path.basename(await link('exe')).startsWith(shimName)) return false;
  return (await link('ns/pid')) === ourPidNamespace;
}

async function shimOf(pid: number, address: string): Promise<Shim | undefined> {
  const args = (await commandLineOf(pid)).split('\0');
  const option = (name: string) => args[args.indexOf(name) + 1] ?? '';
  if (option('-address') !== address) return undefined;
  const [namespace, id] = [option('-namespace'), option('-id')];
  return namespace && id ? { pid, namespace, id } : undefined;
}

async function commandLineOf(pid: number): Promise<string> {
  try {
    await using file = await open(`/proc/${pid}/cmdline`);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(longestCommandLine), 0, longestCommandLine, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } catch {
    return '';
  }
}

/**
 * Ends a shim that containerd has lost sight of, and its task. Asked to make a task by somebody who then goes away, be
 * it by a crash, containerd gives up while the shim goes on.
 */
export async function endShim({ pid, namespace, id }: Shim, ociRuntime: 'runc' | 'crun'): Promise<void> {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It has ended by itself.
    if (!hasCode(error, 'ESRCH')) throw error;
  }
  await run(ociRuntime, ['--root', path.join(runcRoot, namespace), 'delete', '--force', id]);
}
