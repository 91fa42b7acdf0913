import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestBerth } from './berth.ts';

/** An option of Node.js for a daemon that is asked for what it needs. */
export const askable = '--inspect=127.0.0.1:0';

interface HeapUsage {
  usedSize: number;
  /** Of its buffers, which are not in the heap. */
  backingStorageSize: number;
}

/**
 * The bytes of JavaScript, and of its buffers, that a daemon started with `askable` still needs once its garbage is collected; its
 * threads have theirs beside. What it has of the system says little within a minute: V8 lets a heap under load grow, for how long depends on
 * the machine.
 */
export async function neededBytes(berth: TestBerth): Promise<number> {
  // Of its last life; in the whole log, as it is said first and half an hour of lines may follow.
  const log = await readFile(join(berth.folder, 'berth.log'), 'utf8');
  const [, address] = [...log.matchAll(/Debugger listening on (ws:\S+)/g)].at(-1) ?? [];
  if (address === undefined) throw new Error('berth has no inspector');
  const inspector = new WebSocket(address);
  await once(inspector, 'open');
  const answerTo = async (method: string): Promise<{ result: HeapUsage }> => {
    inspector.send(JSON.stringify({ id: 1, method }));
    const [answer] = (await once(inspector, 'message')) as [{ data: string }];
    return JSON.parse(answer.data) as { result: HeapUsage };
  };
  await answerTo('HeapProfiler.collectGarbage');
  const { result } = await answerTo('Runtime.getHeapUsage');
  inspector.close();
  return result.usedSize + result.backingStorageSize;
}
