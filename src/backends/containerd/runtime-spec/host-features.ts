import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { absentAs } from '../../../base/absent-file.ts';

/** What of this host shapes a container's spec. */
export interface HostFeatures {
  architecture: 'amd64' | 'arm64';
  /** The version that has the controllers: 1 also in the hybrid layout. */
  cgroupVersion: 1 | 2;
  /** Whether memory limits have an effect: a Raspberry Pi as it comes boots with `cgroup_disable=memory`. */
  memoryController: boolean;
  cpuController: boolean;
  pidsController: boolean;
  /** The kernel counts swap by cgroup, so that a memory limit can forbid it. */
  swapAccounting: boolean;
  seccomp: boolean;
  /** This process's own hard limit of open files: above it only a host with CAP_SYS_RESOURCE may go (LXC has none). */
  maxOpenFiles: number;
  /** What is set in a function's own network namespace, as Docker does; without what the kernel does not have or take. */
  sysctls: Record<string, string>;
}

/** Reads the features from /proc and /sys under `root`. */
export async function hostFeatures(root = '/'): Promise<HostFeatures> {
  const cgroups = join(root, 'sys/fs/cgroup');
  const cgroupVersion = (await exists(join(cgroups, 'cgroup.controllers'))) ? 2 : 1;
  const controllers = await cgroupControllers(cgroups, cgroupVersion);
  return {
    architecture: architecture(),
    cgroupVersion,
    memoryController: controllers.includes('memory'),
    cpuController: controllers.includes('cpu'),
    pidsController: controllers.includes('pids'),
    swapAccounting: await countsSwap(cgroups, cgroupVersion),
    seccomp: /^Seccomp:/m.test(await readFile(join(root, 'proc/self/status'), 'utf8')),
    maxOpenFiles: hardOpenFiles(await readFile(join(root, 'proc/self/limits'), 'utf8')),
    sysctls: await networkSysctls(root),
  };
}

/** Lets every user of a function listen on ports below 1024, and ping, with no capability. */
async function networkSysctls(root: string): Promise<HostFeatures['sysctls']> {
  const wanted = {
    'net.ipv4.ip_unprivileged_port_start': '0',
    'net.ipv4.ping_group_range': `0 ${lastGroup(await readFile(join(root, 'proc/self/gid_map'), 'utf8'))}`,
  };
  const files = Object.entries(wanted).map(async ([name, value]) => {
    const isThere = await exists(join(root, 'proc/sys', name.replaceAll('.', '/')));
    return isThere ? [[name, value] as const] : [];
  });
  return Object.fromEntries((await Promise.all(files)).flat());
}

/** Returns the last group that the kernel takes: in a user namespace, as LXC makes them, not all are there (user_namespaces(7)). */
function lastGroup(gidMap: string): number {
  const count = Number(/^\s*0\s+\d+\s+(\d+)/.exec(gidMap)?.[1] ?? 1);
  return Math.min(count - 1, 2 ** 31 - 1);
}

function architecture(): HostFeatures['architecture'] {
  if (process.arch === 'x64') return 'amd64';
  if (process.arch === 'arm64') return 'arm64';
  throw new Error(`berth runs on amd64 and arm64, not on ${process.arch}`);
}

/** Lists the controllers: version 1 mounts one folder for each, version 2 has them in a file. */
async function cgroupControllers(cgroups: string, version: 1 | 2): Promise<string[]> {
  if (version === 1) return readdir(cgroups);
  return (await readFile(join(cgroups, 'cgroup.controllers'), 'utf8')).trim().split(/\s+/);
}

/** Whether swap is counted: the root of a version 2 tree has no memory.swap.max, its children have. */
async function countsSwap(cgroups: string, version: 1 | 2): Promise<boolean> {
  if (version === 1) return exists(join(cgroups, 'memory/memory.memsw.limit_in_bytes'));
  const children = (await readdir(cgroups, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const found = await Promise.all(children.map(({ name }) => exists(join(cgroups, name, 'memory.swap.max'))));
  return found.includes(true);
}

/** Reads the line `Max open files  SOFT  HARD  files` of proc_pid_limits(5); a limit that is no number is no limit. */
function hardOpenFiles(limits: string): number {
  return Number(/^Max open files\s+\S+\s+(\d+)/m.exec(limits)?.[1] ?? Infinity);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, absentAs(false));
}
