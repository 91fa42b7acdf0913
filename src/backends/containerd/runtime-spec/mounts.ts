import type { OciMount } from './oci-spec.ts';

/** Files of the host that a function sees as its own; each must exist before the container is created. */
export interface HostFiles {
  resolvConf: string;
  hosts: string;
}

/**
 * containerd's default mounts, less /run (which would hide what an image ships there), and with the function's own
 * cgroup, read-only: without it a language runtime cannot see its memory and CPU limits.
 */
const defaultMounts: OciMount[] = [
  { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
  {
    destination: '/dev',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
  },
  {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
  },
  {
    destination: '/dev/shm',
    type: 'tmpfs',
    source: 'shm',
    options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'],
  },
  { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
  { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
];

/** Kernel interfaces that tell about, or reach, the host. */
export const maskedPaths = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
  '/proc/scsi',
];

export const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

export interface MountInput {
  hostFiles: HostFiles;
  /** Folder with the replica's copy of its secrets; absent when it has none. */
  secretsDir?: string;
  /** Folders that stay writable under a read-only root, without symbolic links. */
  writableFolders?: string[];
}

/** A function's mounts in the order that the runtime makes them. */
export function functionMounts({ hostFiles, secretsDir, writableFolders = [] }: MountInput): OciMount[] {
  return [
    ...defaultMounts,
    ...writableFolders.map(writableBind),
    readOnlyBind(hostFiles.resolvConf, '/etc/resolv.conf'),
    readOnlyBind(hostFiles.hosts, '/etc/hosts'),
    ...(secretsDir ? [readOnlyBind(secretsDir, '/var/openfaas/secrets')] : []),
  ];
}

/** Shows a folder of the root file system in its own place once more, where the root's being read-only does not reach it. */
function writableBind(folder: string): OciMount {
  // Relative to the bundle, where the root file system is mounted as `rootfs`.
  return { destination: folder, type: 'bind', source: `rootfs${folder}`, options: ['bind', 'rw', 'nosuid', 'nodev'] };
}

function readOnlyBind(source: string, destination: string): OciMount {
  return { destination, type: 'bind', source, options: ['rbind', 'ro', 'nosuid', 'nodev', 'noexec'] };
}
