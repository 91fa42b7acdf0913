import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { absentAs } from '../base/absent-file.ts';
import { runProgram } from '../base/run-program.ts';

/** What the host says of the service, whether or not it answers. */
export interface ServiceState {
  /** `supervisor`: that of install.sh's own, where there is no systemd. */
  keeper: 'systemd' | 'supervisor';
  isRunning: boolean;
  /** Of its process, while it runs. */
  pid?: string;
  /** Such as `active`, `failed` or `not installed`. */
  state: string;
  /** Whether the next boot starts it; undefined where nobody knows. */
  isEnabled?: boolean;
  /** How often it was started again since the boot. */
  restarts?: number;
  /** The last warning or error of its log, else its last line. */
  lastWords?: string;
}

const timeoutMs = 5000;
const pidFile = 'run/berth.pid';
const logFile = 'var/log/berth.log';

/** @param root of the host's files */
export async function serviceState(root = '/'): Promise<ServiceState> {
  const hasSystemd = await exists(join(root, 'run/systemd/system'));
  return hasSystemd ? ofSystemd() : ofSupervisor(root);
}

async function ofSystemd(): Promise<ServiceState> {
  const properties = ['LoadState', 'ActiveState', 'UnitFileState', 'NRestarts', 'MainPID'].map(
    (name) => `--property=${name}`,
  );
  const shown = await output('systemctl', ['show', 'berth.service', ...properties]);
  const of = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(shown)?.[1] ?? '';
  const isInstalled = of('LoadState') === 'loaded';
  return {
    keeper: 'systemd',
    isRunning: of('ActiveState') === 'active',
    ...(of('MainPID') !== '0' && { pid: of('MainPID') }),
    state: isInstalled ? of('ActiveState') : 'not installed',
    isEnabled: isInstalled ? of('UnitFileState').startsWith('enabled') : undefined,
    restarts: Number(of('NRestarts')) || 0,
    lastWords: await lastOfJournal(),
  };
}

async function lastOfJournal(): Promise<string | undefined> {
  const last = ['--identifier=berth', '--boot', '--output=cat', '--quiet', '--lines=1'];
  const warning = (await output('journalctl', [...last, '--priority=warning'])).trim();
  return warning || (await output('journalctl', last)).trim() || undefined;
}

async function ofSupervisor(root: string): Promise<ServiceState> {
  const pid = (await readFile(join(root, pidFile), 'utf8').catch(absentAs(''))).trim();
  const isRunning = pid !== '' && (await exists(join(root, 'proc', pid)));
  const text = await readFile(join(root, logFile), 'utf8').catch(() => '');
  const lines = text.trimEnd().split('\n');
  const state = isRunning ? 'active' : 'not running';
  const lastWords = lines.findLast((line) => / (warn|error) /.test(line)) ?? lines.at(-1);
  return { keeper: 'supervisor', isRunning, ...(isRunning && { pid }), state, lastWords: lastWords || undefined };
}

/** Returns the command that starts the service, or puts it there. */
export function startCommand({ keeper, state }: ServiceState): string {
  if (state === 'not installed' || keeper === 'supervisor') return 'sudo sh install.sh';
  return 'sudo systemctl restart berth';
}

async function output(program: string, args: string[]): Promise<string> {
  return runProgram(program, { args, timeoutMs }).then(
    ({ stdout }) => stdout,
    () => '',
  );
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
