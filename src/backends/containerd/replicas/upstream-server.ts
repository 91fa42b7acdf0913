import { readFile } from 'node:fs/promises';
import { functionPort } from '../../../provider/index.ts';

/** Where of-watchdog serves its metrics. */
const watchdogMetricsPort = 8081;
/** A socket that listens, see https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html */
const listening = '0A';

/**
 * Says whether anything but a watchdog listens in a process's network namespace: the server of the function that it is to
 * hand calls to.
 */
export async function hasServerBehindWatchdog(pid: number): Promise<boolean> {
  const tables = await Promise.all(['tcp', 'tcp6'].map((table) => readFile(`/proc/${pid}/net/${table}`, 'utf8')));
  const ports = tables.flatMap(listeningPorts);
  return ports.some((port) => port !== functionPort && port !== watchdogMetricsPort);
}

function listeningPorts(table: string): number[] {
  const rows = table.trim().split('\n').slice(1);
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, , , state]) => state === listening)
    .map(([, local = '']) => parseInt(local.slice(local.lastIndexOf(':') + 1), 16));
}
