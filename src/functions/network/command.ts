import { execFile } from 'node:child_process';
import { NetworkError } from './network-error.ts';

const packages = { ip: 'iproute2', nft: 'nftables', iptables: 'iptables' };

export type HostCommand = keyof typeof packages;

/** The system's own folders only: npm puts programs of packages first in PATH, and one of them is called nft as well. */
const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };

const timeoutMs = 20_000;

/**
 * Runs a tool of the host and answers its standard output.
 * @throws NetworkError with what the tool said, or with the package to install
 */
export function run(command: HostCommand, args: string[], stdin = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { env, timeout: timeoutMs, killSignal: 'SIGKILL' } as const;
    const child = execFile(command, args, options, (cause, stdout, stderr) => {
      if (!cause) return resolve(stdout);
      const said =
        cause.code === 'ENOENT' ? `no such command, install the package ${packages[command]}` : stderr.trim();
      reject(new NetworkError(`${[command, ...args].join(' ')}: ${said || cause.message}`, { cause }));
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
