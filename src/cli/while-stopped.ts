import { access } from 'node:fs/promises';
import path from 'node:path';
import { runProgram } from '../base/run-program.ts';
import type { Cli } from './verb.ts';

const timeoutMs = 120_000;

/**
 * Acts while the service is stopped, and starts it again whatever comes of it.
 * @param keeper who keeps the service running; undefined where it does not run
 */
export async function whileStopped(
  act: () => Promise<void>,
  keeper: 'systemd' | 'supervisor' | undefined,
  { folder }: Pick<Cli, 'folder'>,
): Promise<void> {
  if (keeper === undefined) return act();
  const tell = keeper === 'systemd' ? await tellSystemd() : tellSupervisor(folder);
  try {
    await tell('stop');
    await act();
  } finally {
    await tell('start');
  }
}

type Tell = (order: 'stop' | 'start') => Promise<void>;

async function tellSystemd(): Promise<Tell> {
  // A caller at the socket would start it in the middle.
  const units = (await exists('/etc/systemd/system/berth.socket'))
    ? ['berth.socket', 'berth.service']
    : ['berth.service'];
  return (order) => run('systemctl', [order, ...units]);
}

function tellSupervisor(folder: string): Tell {
  return (order) => run('sh', [path.join(folder, 'install.sh'), order]);
}

async function run(program: string, args: string[]): Promise<void> {
  const { exitCode, stderr, timedOut } = await runProgram(program, { args, timeoutMs });
  // It goes on starting where functions take longer.
  if (exitCode === 0 || (timedOut && args.includes('start'))) return;
  const why = stderr.trim().split('\n').at(-1) || `it takes longer than ${timeoutMs / 1000} s`;
  throw new Error(`${[program, ...args].join(' ')} failed: ${why}`);
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
