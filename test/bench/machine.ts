import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { run } from '../helpers/processes.ts';

/** What a run was made on, for those who read its figures elsewhere. */
export type MachineFacts = Record<string, string>;

export async function describeMachine(): Promise<MachineFacts> {
  const folder = process.env['BERTH_TEST_CONTAINERD'] ?? '/usr/bin';
  return {
    processor: `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores`,
    memory: `${Math.round(totalmem() / 1024 ** 2)} MiB`,
    kernel: release(),
    system: /PRETTY_NAME="(.*)"/.exec(await readFile('/etc/os-release', 'utf8'))?.[1] ?? '',
    load: loadavg()
      .map((load) => load.toFixed(2))
      .join(' '),
    node: process.version,
    containerd: await version(join(folder, 'containerd'), '--version'),
    runc: await version('runc', '--version'),
    nginx: await version('nginx', '-v'),
    wrk: await version('wrk', '-v'),
    go: await version('go', 'version'),
    berth: (await version('git', 'rev-parse', '--short=12', 'HEAD')) || 'unknown',
  };
}

/** The first thing in a program's answer that looks like a version. */
async function version(program: string, ...args: string[]): Promise<string> {
  // wrk says its version and fails.
  const { stdout = '', stderr = '' } = await run(program, args).catch(
    (error: { stdout?: string; stderr?: string }) => error,
  );
  const said = stdout + stderr;
  return /\d+\.\d+(\.\d+)?/.exec(said)?.[0] ?? said.trim().split('\n')[0] ?? '';
}
