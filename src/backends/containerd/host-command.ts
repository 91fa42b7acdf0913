import { execFile } from 'node:child_process';

/** The package that brings each, for the error. */
const packages = { ip: 'iproute2', nft: 'nftables', iptables: 'iptables', runc: 'runc' };

export type HostCommand = keyof typeof packages;

/** A tool of the host could not be run, or failed; the message says what to do, or what the tool said. */
export class HostCommandError extends Error {
  override name = 'HostCommandError';
}

/** The system's own folders only: npm puts programs of packages first in PATH, and one of them is called nft as well. */
const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };

const timeoutMs = 20_000;

/**
 * Runs a tool of the host and answers its standard output.
 * @throws HostCommandError
 */
export function run(command: HostCommand, args: string[], stdin = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { env, timeout: timeoutMs, killSignal: 'SIGKILL' } as const;
    const child = execFile(command, args, options, (cause, stdout, stderr) => {
      if (!cause) return resolve(stdout);
      const said =
        cause.code === 'ENOENT' ? `no such command, install the package ${packages[command]}` : stderr.trim();
      reject(new HostCommandError(`${[command, ...args].join(' ')}: ${said || cause.message}`, { cause }));
    });
    // A tool that fails early closes its input; its exit code tells what happened.
    child.stdin?.on('error', () => undefined).end(stdin);
  });
}

/** Whether the command ran and succeeded: for tools that answer a question by their exit code. */
export function succeeds(command: HostCommand, args: string[]): Promise<boolean> {
  return run(command, args).then(
    () => true,
    () => false,
  );
}
