import { describeError } from '../base/log.ts';
import { UsageError, type Cli, type ExitCode, type Verb } from './verb.ts';
import { applyVerb } from './apply-verb.ts';
import { asyncVerb } from './async-verb.ts';
import { backupVerb } from './backup-verb.ts';
import { downgradeVerb } from './downgrade-verb.ts';
import { doctorVerb } from './doctor/index.ts';
import { eventsVerb } from './events-verb.ts';
import { execVerb } from './exec-verb.ts';
import { logsVerb } from './logs-verb.ts';
import { restartVerb } from './restart-verb.ts';
import { restoreVerb } from './restore-verb.ts';
import { rollbackVerb } from './rollback-verb.ts';
import { statusVerb } from './status-verb.ts';
import { uninstallVerb } from './uninstall-verb.ts';
import { versionVerb } from './version-verb.ts';

const verbs: Verb[] = [
  statusVerb,
  doctorVerb,
  logsVerb,
  eventsVerb,
  execVerb,
  applyVerb,
  restartVerb,
  rollbackVerb,
  asyncVerb,
  backupVerb,
  restoreVerb,
  downgradeVerb,
  uninstallVerb,
  versionVerb,
];

/**
 * Runs `berth VERB ...`.
 * @param args the command line behind the program's name
 * @returns the exit code; what went wrong is on stderr
 */
export async function runCli([name = 'help', ...args]: string[], cli: Cli): Promise<ExitCode> {
  if (['help', '--help', '-h'].includes(name)) return print(cli, overview());
  const verb = verbs.find((each) => each.name === name);
  if (!verb) return fail(cli, `berth: no such verb: ${name}; berth help lists them`, 2);
  if (asksForHelp(args)) return print(cli, `berth ${verb.name} ${verb.usage}\n`);
  try {
    if (cli.envError && !verb.bearsNoSettings) throw cli.envError;
    return await verb.run(args, cli);
  } catch (error) {
    const wrongUse = isWrongUse(error);
    const hint = wrongUse ? `; see berth ${verb.name} --help` : '';
    return fail(cli, `berth ${verb.name}: ${describeError(error)}${hint}`, wrongUse ? 2 : 1);
  }
}

function overview(): string {
  const width = Math.max(...verbs.map(({ name }) => name.length));
  const lines = verbs.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}\n`);
  return `berth VERB [ARGUMENTS]; berth VERB --help says more\n\n${lines.join('')}`;
}

/** What is behind `--` is not for berth. */
function asksForHelp(args: string[]): boolean {
  const own = args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
  return own.includes('--help') || own.includes('-h');
}

function isWrongUse(error: unknown): boolean {
  if (error instanceof UsageError) return true;
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_');
}

function print({ stdout }: Cli, text: string): ExitCode {
  stdout.write(text);
  return 0;
}

function fail({ stderr }: Cli, message: string, code: ExitCode): ExitCode {
  stderr.write(`${message}\n`);
  return code;
}
