import type { Environment } from '../provider/index.ts';

/** The first descriptor that is handed over, see sd_listen_fds(3). */
const firstFd = 3;

/**
 * Returns the descriptors of the listening sockets that systemd has given to this process, or to the shell that runs it.
 * @returns none where it has given none, so that the process listens by itself
 */
export function inheritedSockets({ LISTEN_PID: pid, LISTEN_FDS: count }: Environment): number[] {
  const isForUs = [process.pid, process.ppid].map(String).includes(pid ?? '');
  if (!isForUs || !/^\d{1,4}$/.test(count ?? '')) return [];
  return Array.from({ length: Number(count) }, (_, at) => firstFd + at);
}
