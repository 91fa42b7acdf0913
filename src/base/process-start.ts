import { readFile } from 'node:fs/promises';

/** The kernel's unit of time as programs see it; the same on every platform that we know. */
export const tickMs = 10;

/** Returns when a process began, in ticks since the boot; undefined where it is gone. */
export async function processStartTicks(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // Its name, in brackets, may hold anything.
  const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return ticks === undefined ? undefined : Number(ticks);
}
