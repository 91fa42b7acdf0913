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
  /** `NAME=value` each. */
  env: string[];
  /** Absolute; the runtime makes it when the image has no such folder. */
  cwd: string;
  user: OciUser;
  noNewPrivileges: boolean;
  capabilities: OciCapabilities;
  rlimits: { type: string; soft: number; hard: number }[];
  /** -1000 (never killed) to 1000 (killed first) when the host runs out of memory. */
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
  maskedPaths: string[];
  readonlyPaths: string[];
  seccomp?: OciSeccomp;
}

export interface OciResources {
  devices: { allow: boolean; access: string }[];
  memory?: {
    /** Bytes. */
    limit?: number;
    /** Bytes of memory and swap together. */
    swap?: number;
    /** Bytes that are taken from this container last. */
    reservation?: number;
  };
  cpu?: {
    /** Microseconds of CPU time in each period. */
    quota?: number;
    /** Microseconds. */
    period?: number;
    /** Relative weight, 1024 being one core. */
    shares?: number;
  };
  pids?: { limit: number };
  /** cgroup v2 files, written as they are. */
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
  /** All must hold. */
  args?: { index: number; value: number; valueTwo?: number; op: string }[];
}
