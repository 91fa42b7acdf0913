import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { systemPath } from '../../../base/run-program.ts';

/** Each prints lines when something changes, of firewalls and of interfaces, addresses and routes. */
const monitors = [
  ['nft', 'monitor'],
  ['ip', 'monitor', 'link', 'address', 'route'],
];

/**
 * Tells of changes of the host's network as the kernel tells of them.
 * @param changed called at each
 * @returns when one of the monitors has ended, which is at once where the host lacks it
 */
export async function monitorChanges(changed: () => void, signal: AbortSignal): Promise<void> {
  const ending = new AbortController();
  const abort = AbortSignal.any([signal, ending.signal]);
  // One that cannot be started, as on a host that is out of memory, has ended.
  await Promise.race(monitors.map((command) => follow(command, changed, abort).catch(() => undefined)));
  ending.abort();
}

async function follow(command: string[], changed: () => void, signal: AbortSignal): Promise<void> {
  // Ends with us, also where we are killed.
  const child: ChildProcess = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...command], {
    env: { PATH: systemPath },
    cwd: '/',
    stdio: ['ignore', 'pipe', 'ignore'],
    signal,
    killSignal: 'SIGKILL',
  });
  child.on('error', () => undefined);
  // Without a file descriptor left it has none.
  child.stdout?.on('data', changed);
  await once(child, 'exit').catch(() => undefined);
}
