import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { Cli, ExitCode } from './verb.ts';

/** Runs install.sh, which knows what it has made; its words are the user's to read, but for those of success where they are not wanted. */
export async function runInstaller(args: string[], { folder }: Cli, isQuiet: boolean): Promise<ExitCode> {
  const output = isQuiet ? 'ignore' : 'inherit';
  const child = spawn('sh', [path.join(folder, 'install.sh'), ...args], { stdio: ['inherit', output, 'inherit'] });
  await once(child, 'exit');
  return child.exitCode ?? 1;
}
