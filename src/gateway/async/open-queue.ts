import type { Log } from '../../base/log.ts';
import { diskOf } from '../../base/disk-full.ts';
import type { NatsAddress } from './nats-address.ts';
import type { Queue } from './queue.ts';
import { SqliteQueue } from './sqlite-queue.ts';

export interface QueueSettings {
  /** Folder of the queue that is embedded. */
  dir: string;
  /** Where a NATS server keeps the queue instead. */
  nats?: NatsSettings;
  /** Whether other processes have the same queue, which only a NATS server can keep. */
  isShared?: boolean;
  maxCalls: number;
  /** What bodies may take; as much as there is reasonable room for where it is absent. */
  maxBytes?: number;
  log: Log;
}

/** The server, its login, and the queue there. */
interface NatsSettings {
  address: NatsAddress;
  credentialsFile?: string;
  caFile?: string;
  /** Name of the stream. */
  name: string;
}

const usualBytes = 10 * 1024 ** 3;

/** Opens the queue that the settings ask for. */
export async function openQueue({ dir, nats, isShared, maxBytes, ...settings }: QueueSettings): Promise<Queue> {
  if (!nats) return SqliteQueue.open({ ...settings, dir, maxBytes: maxBytes ?? (await roomIn(dir)) });
  // Its library takes time and memory that those who have no NATS server need not spend.
  const { JetstreamQueue } = await import('./jetstream-queue.ts');
  return JetstreamQueue.open({ ...settings, ...nats, isShared, maxBytes: maxBytes ?? usualBytes });
}

/**
 * Asks the NATS server that is to keep the queue.
 * @returns its version
 * @throws Error where it cannot
 */
export async function askNats(nats: NatsSettings): Promise<string> {
  const { inspectNats } = await import('./inspect-nats.ts');
  return inspectNats(nats);
}

async function roomIn(dir: string): Promise<number> {
  const { bavail, bsize } = await diskOf(dir);
  return Math.min(usualBytes, (bavail * bsize) / 2);
}
