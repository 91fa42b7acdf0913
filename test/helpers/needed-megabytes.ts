import { once } from 'node:events';
import { join } from 'node:path';
import type { TestBerth } from './berth.ts';

/** What Node.js is given to start a berth that can be asked for the memory it needs. */
export const inspected = ['--inspect=127.0.0.1:0', join(import.meta.dirname, '../../src/main.ts')];

/**
 * The megabytes of JavaScript that berth still needs once its garbage is collected. What it has of the system says little
 * within a minute: V8 lets a heap under load grow, for how long depends on the machine.
 */
export async function neededMegabytes(berth: Pick<TestBerth, 'log'>): Promise<number> {
  const address = /Debugger listening on (ws:\S+)/.exec(await berth.log())?.[1];
  if (address === undefined) throw new Error('berth has no inspector: start it as `inspected`');
  const inspector = new WebSocket(address);
  await once(inspector, 'open');
  const answerTo = async (method: string): Promise<{ result: { usedSize?: number } }> => {
    inspector.send(JSON.stringify({ id: 1, method }));
    const [answer] = (await once(inspector, 'message')) as [{ data: string }];
    return JSON.parse(answer.data) as { result: { usedSize?: number } };
  };
  await answerTo('HeapProfiler.collectGarbage');
  const { result } = await answerTo('Runtime.getHeapUsage');
  inspector.close();
  return Math.round((result.usedSize ?? NaN) / 1e5) / 10;
}
