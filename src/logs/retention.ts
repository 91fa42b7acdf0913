import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isPathSegment } from './log-error.ts';
import type { LoggedFunction } from './log-line.ts';

/** How much is kept. */
export interface RetentionLimits {
  /** Lines are removed when they are so old; Infinity for never. */
  maxAgeMs: number;
  /** How much all histories may take together: of functions without replicas, those that were silent longest give way. */
  maxTotalBytes: number;
}

/** A history on disk. */
export interface KeptHistory extends LoggedFunction {
  bytes: number;
  /** When its newest line was written, in ms since 1970. */
  lastWrittenMs: number;
}

/** Picks the histories of functions without replicas that have to go. */
export function expiredHistories(
  histories: KeptHistory[],
  limits: RetentionLimits,
  isLive: (fn: LoggedFunction) => boolean,
): LoggedFunction[] {
  const oldest = oldestKept(limits).getTime();
  let excess = histories.reduce((sum, { bytes }) => sum + bytes, 0) - limits.maxTotalBytes;
  const bySilence = histories.filter((history) => !isLive(history)).sort((a, b) => a.lastWrittenMs - b.lastWrittenMs);
  return bySilence.filter((history) => {
    if (history.lastWrittenMs >= oldest && excess <= 0) return false;
    excess -= history.bytes;
    return true;
  });
}

/** Answers the moment before which no line is kept. */
export function oldestKept({ maxAgeMs }: RetentionLimits): Date {
  // No line is of before 1970, and no date is infinitely long ago.
  return new Date(Math.max(0, Date.now() - maxAgeMs));
}

/** Lists the histories under a folder, each in `<namespace>/<name>/`. */
export async function keptHistories(dir: string): Promise<KeptHistory[]> {
  const histories: KeptHistory[] = [];
  for (const namespace of await foldersIn(dir)) {
    for (const name of await foldersIn(join(dir, namespace))) {
      const folder = join(dir, namespace, name);
      const stats = await Promise.all((await readdir(folder)).map((file) => lstat(join(folder, file))));
      const bytes = stats.reduce((sum, { size }) => sum + size, 0);
      histories.push({ name, namespace, bytes, lastWrittenMs: Math.max(0, ...stats.map(({ mtimeMs }) => mtimeMs)) });
    }
  }
  return histories;
}

async function foldersIn(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory() && isPathSegment(entry.name)).map(({ name }) => name);
}
