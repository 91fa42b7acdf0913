import type { Log } from '../../base/log.ts';
import { diskOf } from '../../base/disk-full.ts';
import type { Queue } from './queue.ts';
import { SqliteQueue } from './sqlite-queue.ts';

export interface QueueSettings {
  /** Folder of the queue that is embedded. */
  dir: string;
  maxCalls: number;
  /** What bodies may take; as much as there is reasonable room for where it is absent. */
  maxBytes?: number;
  log: Log;
}

const usualBytes = 10 * 1024 ** 3;

/** Opens the queue that the settings ask for. */
export async function openQueue({ maxBytes, ...settings }: QueueSettings): Promise<Queue> {
  return SqliteQueue.open({ ...settings, maxBytes: maxBytes ?? (await roomIn(settings.dir)) });
}

async function roomIn(dir: string): Promise<number> {
  const { bavail, bsize } = await diskOf(dir);
  return Math.min(usualBytes, (bavail * bsize) / 2);
}
