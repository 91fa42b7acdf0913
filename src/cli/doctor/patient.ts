import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram, type ProgramRun, type RunOptions } from '../../base/run-program.ts';
import type { Config } from '../../daemon/index.ts';
import type { Environment } from '../../provider/index.ts';
import type { HostLook } from '../../registry/index.ts';
import type { DaemonView } from '../daemon-view.ts';
import type { ServiceState } from '../service-state.ts';

/** What a check has found: `warn` for what functions can do without, or for what could not be looked at. */
export interface Finding {
  verdict: 'pass' | 'warn' | 'fail';
  /** What was found, in one line. */
  found: string;
  /** Commands that mend it, else what to do. */
  mend?: string;
}

/** What asking a registry has come to. */
export interface RegistryLook {
  registry: string;
  /** Whether a function's image is from there. */
  isUsed: boolean;
  hosts: HostLook[];
  /** Why it cannot even be asked. */
  problem?: string;
}

/** The host that is looked at, and what several checks need to know of it. */
export interface Patient {
  /** Where its /proc, /sys and /boot are; `/` but in tests. */
  root: string;
  isRoot: boolean;
  /** The settings, and those that cannot be read as their defaults. */
  config: Config;
  /** Why a setting, or the whole file of them, cannot be read. */
  configProblems: string[];
  env: Environment;
  envFile: string;
  /** Where the program is. */
  folder: string;
  signal: AbortSignal;
  service: Promise<ServiceState>;
  /** What the daemon says, or why it cannot be asked. */
  daemon: Promise<DaemonView | Error>;
  registries: Promise<RegistryLook[]>;
}

/** Looks at one requirement; it changes nothing on the host. */
export interface Check {
  name: string;
  /** Without it nothing can be said. */
  needsRoot?: boolean;
  look(patient: Patient): Promise<Finding | Finding[]>;
}

export function pass(found: string): Finding {
  return { verdict: 'pass', found };
}

export function warn(found: string, mend: string): Finding {
  return { verdict: 'warn', found, mend };
}

export function fail(found: string, mend: string): Finding {
  return { verdict: 'fail', found, mend };
}

/** Reads a file of the host; undefined where it cannot be read. */
export async function readText({ root }: Pick<Patient, 'root'>, path: string): Promise<string | undefined> {
  return readFile(join(root, path), 'utf8').catch(() => undefined);
}

export function isThere({ root }: Pick<Patient, 'root'>, path: string): Promise<boolean> {
  return access(join(root, path)).then(
    () => true,
    () => false,
  );
}

const timeoutMs = 10_000;

/** Runs a tool of the host; undefined where there is no such tool. */
export function tool(file: string, args: string[], options: RunOptions = {}): Promise<ProgramRun | undefined> {
  return runProgram(file, { args, timeoutMs, ...options }).catch(() => undefined);
}

export function hasSystemd(patient: Patient): Promise<boolean> {
  return isThere(patient, 'run/systemd/system');
}
