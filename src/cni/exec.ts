import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { hasCode } from '../base/absent-file.ts';
import { parseJson } from '../base/parse-json.ts';
import { runProgram, type ProgramRun, type RunOptions } from '../base/run-program.ts';
import { CniError, type CniCommand } from './cni-error.ts';

/** One call of a plugin. */
export interface PluginCall {
  /** The plugin's type, which is its file's name. */
  plugin: string;
  command: CniCommand;
  /** CNI_* variables besides CNI_COMMAND and CNI_PATH. */
  parameters: Record<string, string>;
  /** The plugin's configuration, its standard input. */
  request: unknown;
}

/** The surroundings that plugins are run in. */
export interface PluginHost {
  /** Directories searched for plugins, in order. */
  binDirs: string[];
  /** PATH for the tools that plugins start themselves, such as iptables. */
  path: string;
  /** How long one plugin may take; then it is killed, with the processes it started. */
  timeoutMs: number;
}

/**
 * Runs one plugin once and answers what it printed: https://www.cni.dev/docs/spec/#section-2-execution-protocol.
 * @throws CniError when the plugin is not there, cannot be run, fails or takes too long
 */
export async function execPlugin(call: PluginCall, host: PluginHost): Promise<string> {
  const { plugin, command } = call;
  const file = await findPlugin(call, host);
  const env = { ...call.parameters, CNI_COMMAND: command, CNI_PATH: host.binDirs.join(':'), PATH: host.path };
  const options = { env, stdin: JSON.stringify(call.request), timeoutMs: host.timeoutMs };
  const run = await runPatiently(file, options).catch((cause: unknown) => {
    throw new CniError(`cannot run ${file}`, { plugin, command, cause });
  });
  if (run.timedOut) throw new CniError(`no answer within ${host.timeoutMs} ms, killed`, { plugin, command });
  if (run.exitCode !== 0) throw pluginFailure(call, run);
  return run.stdout;
}

async function findPlugin({ plugin, command }: PluginCall, { binDirs }: PluginHost): Promise<string> {
  for (const dir of binDirs) {
    const file = join(dir, plugin);
    const failure = await access(file, constants.X_OK).catch((error: unknown) => error);
    if (failure === undefined) return file;
  }
  const msg = `no such plugin in ${binDirs.join(', ')}: install the package containernetworking-plugins, or point berth at the directory that has it`;
  throw new CniError(msg, { plugin, command });
}

const pluginError = z.object({ code: z.number().optional(), msg: z.string(), details: z.string().optional() });

function pluginFailure({ plugin, command }: PluginCall, { stdout, stderr, exitCode, signal }: ProgramRun): CniError {
  const said = pluginError.safeParse(parseJson(stdout));
  if (said.success) return new CniError(said.data.msg, { plugin, command, ...said.data });
  const ended = signal ? `ended by ${signal}` : `exit code ${exitCode}`;
  return new CniError(ended, { plugin, command, details: stderr.trim() || stdout.trim() || undefined });
}

const busyRetries = 25;
const busyDelayMs = 200;

/** Runs a program, and again where it is busy for a moment because it is being replaced: https://github.com/golang/go/issues/22315. */
async function runPatiently(file: string, options: RunOptions): Promise<ProgramRun> {
  for (let retriesLeft = busyRetries; ; retriesLeft--) {
    try {
      return await runProgram(file, options);
    } catch (error) {
      if (!hasCode(error, 'ETXTBSY') || retriesLeft === 0) throw error;
      await sleep(busyDelayMs);
    }
  }
}
