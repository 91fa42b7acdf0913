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

/** A read-only root needs it for the watchdog's lock file; what is in it counts as the function's memory. */
const writableTmp: OciMount = {
  destination: '/tmp',
  type: 'tmpfs',
  source: 'tmpfs',
  options: ['nosuid', 'nodev', 'mode=1777', 'size=262144k'],
};

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
  readOnlyRoot: boolean;
}

/** A function's mounts in the order that the runtime makes them. */
export function functionMounts({ hostFiles, secretsDir, readOnlyRoot }: MountInput): OciMount[] {
  return [
    ...defaultMounts,
    ...(readOnlyRoot ? [writableTmp] : []),
    readOnlyBind(hostFiles.resolvConf, '/etc/resolv.conf'),
    readOnlyBind(hostFiles.hosts, '/etc/hosts'),
    ...(secretsDir ? [readOnlyBind(secretsDir, '/var/openfaas/secrets')] : []),
  ];
}

function readOnlyBind(source: string, destination: string): OciMount {
  return { destination, type: 'bind', source, options: ['rbind', 'ro', 'nosuid', 'nodev', 'noexec'] };
}
