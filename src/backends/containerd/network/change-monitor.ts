import { spawn } from 'node:child_process';
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
  await Promise.race(monitors.map((command) => follow(command, changed, abort)));
  ending.abort();
}

async function follow(command: string[], changed: () => void, signal: AbortSignal): Promise<void> {
  // Ends with us, also where we are killed.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...command], {
    env: { PATH: systemPath },
    cwd: '/',
    stdio: ['ignore', 'pipe', 'ignore'],
    signal,
    killSignal: 'SIGKILL',
  });
  child.on('error', () => undefined);
  child.stdout.on('data', changed);
  await once(child, 'exit').catch(() => undefined);
}
