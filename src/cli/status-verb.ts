import { parseArgs } from 'node:util';
import { describeError } from '../base/log.ts';
import { readDaemonConfig } from '../daemon/index.ts';
import type { Environment } from '../provider/index.ts';
import { daemonView, type DaemonView, type FunctionView } from './daemon-view.ts';
import { serviceState, type ServiceState } from './service-state.ts';
import { textTable } from './text-table.ts';
import type { Verb } from './verb.ts';

const usage = `[--json]

Shows how berth and each of its parts is, and all functions with their replicas and why one is not ready. Where berth does not
answer it shows what the host knows of the service.

Ends with 0 where all is well, with 1 where something is not.`;

/** What `--json` prints. */
interface Status extends Partial<DaemonView> {
  ok: boolean;
  service: ServiceState;
  /** Why the daemon could not be asked. */
  problem?: string;
}

export const statusVerb: Verb = {
  name: 'status',
  summary: 'show how berth, its parts and all functions are',
  usage,
  bearsNoSettings: true,
  async run(args, { env, envError, folder, signal, stdout }) {
    const { values } = parseArgs({ args, options: { json: { type: 'boolean' } } });
    const service = serviceState(folder);
    const asked = envError ? Promise.reject(envError) : viewOf(env, signal);
    const status = await asked.then(
      async (view): Promise<Status> => ({ ok: isWell(view), service: await service, ...view }),
      async (error: unknown): Promise<Status> => ({ ok: false, service: await service, problem: describeError(error) }),
    );
    stdout.write(values.json ? `${JSON.stringify(status)}\n` : textOf(status));
    return status.ok ? 0 : 1;
  },
};

async function viewOf(env: Environment, signal: AbortSignal): Promise<DaemonView> {
  return daemonView(readDaemonConfig(env), signal);
}

function isWell({ ready, parts, functions }: DaemonView): boolean {
  return ready && parts.every(({ healthy }) => healthy) && functions.every((fn) => fn.ready >= fn.wanted);
}

function textOf(status: Status): string {
  const { service, problem, release, sha, ready, parts = [], functions = [] } = status;
  if (problem !== undefined) return withoutDaemon(service, problem);
  const restarts = service.restarts ? `, started again ${service.restarts} times since the boot` : '';
  return [
    `berth ${release} (${sha}) ${ready ? 'is ready' : 'is starting: functions are being brought back'}${restarts}\n`,
    ...partLines(parts),
    '\n',
    functions.length > 0
      ? textTable([['NAMESPACE', 'FUNCTION', 'READY', ''], ...functions.map(rowOf)])
      : 'no functions\n',
  ].join('');
}

function partLines(parts: DaemonView['parts']): string[] {
  const unwell = parts.filter(({ healthy }) => !healthy);
  if (unwell.length === 0) return [`all ${parts.length} parts are well\n`];
  return unwell.map(({ name, problem = 'not well', mend }) => `${name}: ${problem}${mend ? `\n  run: ${mend}` : ''}\n`);
}

function rowOf({ namespace, name, wanted, ready, asleep, reason }: FunctionView): string[] {
  const state = ready < wanted ? (reason ?? 'is being started') : '';
  return [namespace, name, asleep ? 'asleep' : `${ready}/${wanted}`, state];
}

function withoutDaemon(service: ServiceState, problem: string): string {
  const { state, restarts = 0, lastWords } = service;
  return [
    `${problem}\n`,
    `the service is ${state}${restarts > 0 ? `, and was started again ${restarts} times since the boot` : ''}\n`,
    ...(lastWords === undefined ? [] : [`its log says: ${lastWords}\n`]),
    service.isRunning ? '' : `to start it: ${service.start}\n`,
    `what is wrong with this host: sudo berth doctor\n`,
  ].join('');
}
