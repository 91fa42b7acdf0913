import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { CniError, type CniCommand } from './cni-error.ts';

export interface PluginCall {
  /** The plugin's type, which is its file's name. */
  plugin: string;
  command: CniCommand;
  /** CNI_* variables besides CNI_COMMAND and CNI_PATH. */
  parameters: Record<string, string>;
  /** The plugin's configuration, its standard input. */
  request: unknown;
}

export interface PluginHost {
  /** Searched in order. */
  binDirs: string[];
  /** PATH for the tools that plugins start themselves, such as iptables. */
  path: string;
  timeoutMs: number;
}

/** Runs one plugin once: https://www.cni.dev/docs/spec/#section-2-execution-protocol. Answers what it printed. */
export async function execPlugin(call: PluginCall, host: PluginHost): Promise<string> {
  const { plugin, command } = call;
  const file = await findPlugin(call, host);
  const env = { ...call.parameters, CNI_COMMAND: command, CNI_PATH: host.binDirs.join(':'), PATH: host.path };
  const run = await runPatiently(file, { env, stdin: JSON.stringify(call.request), timeoutMs: host.timeoutMs }).catch(
    (cause: unknown) => {
      throw new CniError(`cannot run ${file}`, { plugin, command, cause });
    },
  );
  if (run.timedOut) throw new CniError(`no answer within ${host.timeoutMs} ms, killed`, { plugin, command });
  if (run.exitCode !== 0) throw pluginFailure(call, run);
  return run.stdout;
}

async function findPlugin({ plugin, command }: PluginCall, { binDirs }: PluginHost): Promise<string> {
  for (const dir of binDirs) {
    const file = join(dir, plugin);
    const executable = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (executable) return file;
  }
  const msg = `no such plugin in ${binDirs.join(', ')}: install the package containernetworking-plugins, or point berth at the directory that has it`;
  throw new CniError(msg, { plugin, command });
}

const pluginError = z.object({ code: z.number().optional(), msg: z.string(), details: z.string().optional() });

function pluginFailure({ plugin, command }: PluginCall, { stdout, stderr, exitCode, signal }: Run): CniError {
  const said = pluginError.safeParse(parseJson(stdout));
  if (said.success) return new CniError(said.data.msg, { plugin, command, ...said.data });
  const ended = signal ? `ended by ${signal}` : `exit code ${exitCode}`;
  return new CniError(ended, { plugin, command, details: stderr.trim() || stdout.trim() || undefined });
}

/** Undefined for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

interface RunOptions {
  env: Record<string, string>;
  stdin: string;
  timeoutMs: number;
}

interface Run {
  stdout: string;
  stderr: string;
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  timedOut: boolean;
}

const busyRetries = 25;
const busyDelayMs = 200;

/** A plugin that is being replaced is busy for a moment: https://github.com/golang/go/issues/22315. */
async function runPatiently(file: string, options: RunOptions): Promise<Run> {
  for (let retriesLeft = busyRetries; ; retriesLeft--) {
    try {
      return await run(file, options);
    } catch (error) {
      const busy = error instanceof Error && 'code' in error && error.code === 'ETXTBSY';
      if (!busy || retriesLeft === 0) throw error;
      await sleep(busyDelayMs);
    }
  }
}

function run(file: string, { env, stdin, timeoutMs }: RunOptions): Promise<Run> {
  return new Promise((resolve, reject) => {
    // A process group of its own, so that the plugins which a plugin starts (IPAM) are killed with it.
    const child = spawn(file, [], { env, cwd: '/', detached: true });
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      if (child.pid) process.kill(-child.pid, 'SIGKILL');
    }, timeoutMs);
    const output = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
    // A plugin may end before it has read its request; its exit code tells what happened.
    child.stdin.on('error', () => undefined).end(stdin);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (exitCode, signal) => {
      clearTimeout(timer);
      resolve({ ...output, exitCode, signal, timedOut });
    });
  });
}
