import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export interface CliResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface FaasCli extends AsyncDisposable {
  /** Its working directory, empty at first: faas-cli reads a stack.yml of where it is started. */
  readonly folder: string;
  /** Runs it to its end; its stdin is empty. */
  run(...args: string[]): Promise<CliResult>;
  /** The same with this on its stdin. */
  runWith(input: string | Uint8Array, ...args: string[]): Promise<CliResult>;
  /** Runs it until its output contains the text, then ends it, and gives its stdout. */
  runUntil(expected: string, ...args: string[]): Promise<string>;
}

/** The real faas-cli of $PATH for one gateway, logged in nowhere, with a configuration of its own. */
export async function faasCli(url: string): Promise<FaasCli> {
  const base = await mkdtemp(join(tmpdir(), 'faas-cli-'));
  const folder = await mkdtemp(join(base, 'cwd-'));
  const env = { PATH: process.env['PATH'], HOME: base, OPENFAAS_CONFIG: join(base, 'config'), OPENFAAS_URL: url };
  const start = (args: string[]) => spawn('faas-cli', args, { cwd: folder, env });

  async function runWith(input: string | Uint8Array, ...args: string[]): Promise<CliResult> {
    const child = start(args);
    // It may end without reading.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    const closed = once(child, 'close');
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
    return { code: child.exitCode, stdout, stderr };
  }
  return {
    folder,
    run: (...args) => runWith('', ...args),
    runWith,
    async runUntil(expected, ...args) {
      const child = start(args);
      const closed = once(child, 'close');
      let stdout = '';
      child.stdout.setEncoding('utf8').on('data', (part: string) => {
        stdout += part;
        if (stdout.includes(expected)) child.kill();
      });
      const timer = setTimeout(() => child.kill(), 30_000);
      await closed;
      clearTimeout(timer);
      return stdout;
    },
    [Symbol.asyncDispose]: () => rm(base, { recursive: true, force: true }),
  };
}
