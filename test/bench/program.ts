import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { endProcess } from '../helpers/processes.ts';

/** Starts a server of this folder, which prints its port. */
export async function startProgram(file: string, ...args: string[]) {
  const program = join(import.meta.dirname, file);
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    url: `http://127.0.0.1:${said.toString().trim()}/`,
    pid: child.pid ?? 0,
    [Symbol.asyncDispose]: () => endProcess(child),
  };
}
