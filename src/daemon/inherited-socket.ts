import type { Environment } from '../provider/index.ts';

/** The first descriptor that is handed over, see sd_listen_fds(3). */
const firstFd = 3;

/**
 * Returns the descriptor of the listening socket that systemd has given to this process, or to the shell that runs it.
 * @returns undefined where there is none, so that the process listens by itself
 */
export function inheritedSocket({ LISTEN_PID: pid, LISTEN_FDS: count }: Environment): number | undefined {
  const isForUs = [process.pid, process.ppid].map(String).includes(pid ?? '');
  return isForUs && Number(count) >= 1 ? firstFd : undefined;
}
