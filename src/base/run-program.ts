import { spawn, type ChildProcess } from 'node:child_process';

/** The system's own folders: npm puts programs of packages first in PATH, and one of them is called nft as well. */
export const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * How long a program that was killed is waited for: one that hangs in the kernel, as on a dead disk, does not die, and one
 * that has left its group may hold the output.
 */
const killMs = 2000;

export interface RunOptions {
  args?: string[];
  /** The program's whole environment; PATH alone, `systemPath`, unless given. */
  env?: NodeJS.ProcessEnv;
  /** Its standard input; empty unless given. */
  stdin?: string;
  /** How long it may take; then it is killed, with the processes it started. 30 s unless given. */
  timeoutMs?: number;
}

export interface ProgramRun {
  stdout: string;
  stderr: string;
  /** Null where a signal ended it. */
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  timedOut: boolean;
}

/**
 * Runs a program to its end and answers what it printed, whatever its exit code. Rejects only when it cannot be started,
 * with the system's error (`code` ENOENT, EACCES, ETXTBSY, …).
 */
export function runProgram(file: string, options: RunOptions = {}): Promise<ProgramRun> {
  const { args = [], env = { PATH: systemPath }, stdin = '', timeoutMs = 30_000 } = options;
  return new Promise((resolve, reject) => {
    // A process group of its own, so that what the program starts is killed with it.
    const child: ChildProcess = spawn(file, args, { env, cwd: '/', detached: true });
    let timer: NodeJS.Timeout | undefined;
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    const { stdin: input, stdout, stderr } = child;
    // Without a file descriptor left there is nothing of it but the error, which is about to come.
    if (!input || !stdout || !stderr) return;
    let timedOut = false;
    timer = setTimeout(() => {
      timedOut = true;
      killGroup(child.pid);
      timer = setTimeout(giveUp, killMs);
    }, timeoutMs);
    const output = { stdout: '', stderr: '' };
    stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
    stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
    // A program may end before it has read its input; its exit code tells what happened.
    input.on('error', () => undefined).end(stdin);
    const ended = (exitCode: number | null, signal: NodeJS.Signals | null) => {
      clearTimeout(timer);
      resolve({ ...output, exitCode, signal, timedOut });
    };
    child.once('close', ended);
    const giveUp = () => {
      stdout.destroy();
      stderr.destroy();
      child.unref();
      ended(child.exitCode, child.signalCode);
    };
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The whole group has ended by itself: `close` follows as soon as its output is closed.
  }
}
