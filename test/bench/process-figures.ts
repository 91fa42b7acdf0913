import { readdir, readFile, writeFile } from 'node:fs/promises';

/** Clock ticks a second in /proc/PID/stat. */
const ticks = 100;

/** The processor time that a process and its children took, in microseconds. */
export async function cpuMicros(pid: number): Promise<number> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').filter(Boolean).map(Number);
  const own = await Promise.all([pid, ...children].map(ownCpuMicros));
  return own.reduce((sum, micros) => sum + micros, 0);
}

async function ownCpuMicros(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')).split(') ')[1]?.split(' ') ?? [];
  return ((Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticks) * 1e6;
}

export function residentMegabytes(pid: number): Promise<number> {
  return megabytes(pid, 'VmRSS');
}

/** From now on the peak counts anew. */
export async function resetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5');
}

export function peakMegabytes(pid: number): Promise<number> {
  return megabytes(pid, 'VmHWM');
}

async function megabytes(pid: number, field: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
}

export async function openFiles(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}
