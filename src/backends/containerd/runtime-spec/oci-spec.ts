/**
 * The part of the OCI runtime specification that a function needs, field names being the specification's own.
 * Source: https://github.com/opencontainers/runtime-spec/blob/v1.0.2/config.md
 */
export interface OciSpec {
  ociVersion: string;
  hostname: string;
  root: { path: string; readonly: boolean };
  process: OciProcess;
  mounts: OciMount[];
  linux: OciLinux;
}

export interface OciProcess {
  args: string[];
  /** Entries `NAME=value`. */
  env: string[];
  /** An absolute path; the runtime makes the folder when the image has none. */
  cwd: string;
  user: OciUser;
  noNewPrivileges: boolean;
  capabilities: OciCapabilities;
  rlimits: { type: string; soft: number; hard: number }[];
  /** How soon the kernel kills it when the host runs out of memory: -1000 (never) to 1000 (first). */
  oomScoreAdj: number;
}

export interface OciUser {
  uid: number;
  gid: number;
  additionalGids: number[];
}

export interface OciCapabilities {
  bounding: string[];
  permitted: string[];
  effective: string[];
  inheritable: string[];
  ambient: string[];
}

export interface OciMount {
  destination: string;
  type: string;
  source: string;
  options: string[];
}

export interface OciLinux {
  cgroupsPath: string;
  resources: OciResources;
  namespaces: { type: string; path?: string }[];
  /** Kernel settings of the container's own namespaces. */
  sysctl: Record<string, string>;
  maskedPaths: string[];
  readonlyPaths: string[];
  seccomp?: OciSeccomp;
}

export interface OciResources {
  devices: { allow: boolean; access: string }[];
  memory?: {
    /** Most memory, in bytes. */
    limit?: number;
    /** Most memory and swap together, in bytes. */
    swap?: number;
    /** Memory that is taken from this container last, in bytes. */
    reservation?: number;
  };
  cpu?: {
    /** CPU time in each period, in microseconds. */
    quota?: number;
    /** Length of a period, in microseconds. */
    period?: number;
    /** Relative weight, 1024 being one core. */
    shares?: number;
  };
  pids?: { limit: number };
  /** Values of cgroup v2 files by name, written as they are. */
  unified?: Record<string, string>;
}

export interface OciSeccomp {
  defaultAction: string;
  architectures: string[];
  syscalls: OciSyscallRule[];
}

export interface OciSyscallRule {
  names: string[];
  action: string;
  errnoRet?: number;
  /** Comparisons of arguments, all of which must hold. */
  args?: { index: number; value: number; valueTwo?: number; op: string }[];
}
