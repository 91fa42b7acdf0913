import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../../../src/base/log.ts';
import { SqliteQueue } from '../../../../src/gateway/async/sqlite-queue.ts';
import { testQueue, type QueuePlace } from '../../../helpers/queue-conformance.ts';

async function place(): Promise<QueuePlace> {
  const folder = await mkdtemp(join(tmpdir(), 'sqlite-queue-'));
  return {
    open: ({ maxCalls = 1000, maxBytes = 1e9 } = {}) =>
      SqliteQueue.open({ dir: join(folder, 'async'), log: silentLog, maxCalls, maxBytes }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

testQueue(place);
