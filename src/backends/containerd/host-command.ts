import { describeError } from '../../base/log.ts';
import { hasCode } from '../../base/absent-file.ts';
import { runProgram, type ProgramRun } from '../../base/run-program.ts';

/** The package that brings each tool, for the error. */
const packages = {
  ip: 'iproute2',
  bridge: 'iproute2',
  nft: 'nftables',
  iptables: 'iptables',
  'iptables-restore': 'iptables',
  'iptables-legacy': 'iptables',
  'iptables-legacy-restore': 'iptables',
  'firewall-cmd': 'firewalld',
  networkctl: 'systemd',
  runc: 'runc',
  crun: 'crun',
  sync: 'coreutils',
};

export type HostCommand = keyof typeof packages;

/** A tool of the host could not be run, or failed; the message says what to do, or what the tool said. */
export class HostCommandError extends Error {
  override name = 'HostCommandError';
}

/**
 * Runs a tool of the host.
 * @returns its standard output
 * @throws HostCommandError when it cannot be run, fails, or takes longer than `timeoutMs`
 */
export async function run(
  command: HostCommand,
  args: string[],
  { stdin = '', timeoutMs = 20_000 } = {},
): Promise<string> {
  const commandLine = [command, ...args].join(' ');
  const ended = await runProgram(command, { args, stdin, timeoutMs }).catch((cause: unknown) => {
    const isMissing = hasCode(cause, 'ENOENT');
    const why = isMissing ? `no such command, install the package ${packages[command]}` : describeError(cause);
    throw new HostCommandError(`${commandLine}: ${why}`, { cause });
  });
  if (ended.exitCode === 0) return ended.stdout;
  throw new HostCommandError(`${commandLine}: ${ended.stderr.trim() || endOf(ended, timeoutMs)}`);
}

function endOf({ exitCode, signal, timedOut }: ProgramRun, timeoutMs: number): string {
  if (timedOut) return `did not end within ${timeoutMs / 1000} s`;
  return exitCode === null ? `was ended by ${signal}` : `ended with exit code ${exitCode}`;
}

/** Whether a tool ran and succeeded: for those that answer a question by their exit code. */
export function succeeds(command: HostCommand, args: string[]): Promise<boolean> {
  return run(command, args).then(
    () => true,
    () => false,
  );
}
