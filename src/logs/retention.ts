import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FunctionName } from './log-line.ts';

export interface RetentionLimits {
  /** The lines of a function without replicas are removed when it has written none for so long. */
  maxAgeMs: number;
  /** What all histories may take together: of functions without replicas, those that were silent longest give way. */
  maxTotalBytes: number;
}

export interface KeptHistory extends FunctionName {
  bytes: number;
  /** When its newest line was written, in ms since 1970. */
  lastWrittenMs: number;
}

/** Which of the histories of functions without replicas have to go. */
export function expiredHistories(
  histories: KeptHistory[],
  { maxAgeMs, maxTotalBytes }: RetentionLimits,
  isLive: (name: FunctionName) => boolean,
): FunctionName[] {
  const oldest = Date.now() - maxAgeMs;
  let excess = histories.reduce((sum, { bytes }) => sum + bytes, 0) - maxTotalBytes;
  const bySilence = histories.filter((history) => !isLive(history)).sort((a, b) => a.lastWrittenMs - b.lastWrittenMs);
  return bySilence.filter((history) => {
    if (history.lastWrittenMs >= oldest && excess <= 0) return false;
    excess -= history.bytes;
    return true;
  });
}

/** What is under `<dir>/<namespace>/<name>/`. */
export async function keptHistories(dir: string): Promise<KeptHistory[]> {
  const histories: KeptHistory[] = [];
  for (const namespace of await readdir(dir)) {
    for (const name of await readdir(join(dir, namespace))) {
      const folder = join(dir, namespace, name);
      const stats = await Promise.all((await readdir(folder)).map((file) => stat(join(folder, file))));
      const bytes = stats.reduce((sum, { size }) => sum + size, 0);
      histories.push({ name, namespace, bytes, lastWrittenMs: Math.max(0, ...stats.map(({ mtimeMs }) => mtimeMs)) });
    }
  }
  return histories;
}
