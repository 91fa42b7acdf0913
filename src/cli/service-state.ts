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
  /** The command that starts it, or starts it anew. */
  start: string;
  /** The last warning or error of its log, else its last line. */
  lastWords?: string;
}

const timeoutMs = 5000;
const pidFile = 'run/berth.pid';
const logFile = 'var/log/berth.log';

/**
 * @param folder where the program is
 * @param root of the host's files
 */
export async function serviceState(folder: string, root = '/'): Promise<ServiceState> {
  const hasSystemd = await exists(join(root, 'run/systemd/system'));
  return hasSystemd ? ofSystemd() : ofSupervisor(folder, root);
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
    start: isInstalled ? 'sudo systemctl restart berth' : 'sudo sh install.sh',
    restarts: Number(of('NRestarts')) || 0,
    lastWords: await lastOfJournal(),
  };
}

async function lastOfJournal(): Promise<string | undefined> {
  const last = ['--identifier=berth', '--boot', '--output=cat', '--quiet', '--lines=1'];
  const warning = (await output('journalctl', [...last, '--priority=warning'])).trim();
  return warning || (await output('journalctl', last)).trim() || undefined;
}

/** That of install.sh, which starts it again when it ends. */
async function ofSupervisor(folder: string, root: string): Promise<ServiceState> {
  const pids = await readFile(join(root, pidFile), 'utf8').catch(absentAs(''));
  const [, pid = ''] = pids.trim().split(' ');
  const isRunning = pid !== '' && (await exists(join(root, 'proc', pid)));
  const text = await readFile(join(root, logFile), 'utf8').catch(() => '');
  const lines = text.trimEnd().split('\n');
  const lastWords = lines.findLast((line) => / (warn|error) /.test(line)) ?? lines.at(-1);
  return {
    keeper: 'supervisor',
    isRunning,
    ...(isRunning && { pid }),
    state: isRunning ? 'active' : 'not running',
    start: isRunning ? `sudo kill ${pid}` : `sudo sh ${folder}/install.sh start`,
    lastWords: lastWords || undefined,
  };
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
