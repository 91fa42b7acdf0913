import type { AsyncList, CallView } from '../../../src/gateway/index.ts';
import type { TestBerth } from '../../helpers/berth.ts';
import { until } from '../../helpers/poll.ts';
import { ask } from '../lifecycle/setup.ts';

/** Queues a call, and gives its id. */
export async function queueCall({ url }: TestBerth, path: string): Promise<string> {
  const response = await fetch(`${url}/async-function/${path}`, { method: 'POST' });
  const said = await response.text();
  if (response.status !== 202) throw new Error(`${path}: ${response.status} ${said}`);
  return response.headers.get('x-call-id') ?? '';
}

/** The asynchronous calls of a function, newest first, 1000 at most. */
export async function callsOf(berth: TestBerth, name: string): Promise<CallView[]> {
  const { calls } = JSON.parse(await ask(berth, 'GET', `/system/async?function=${name}&limit=1000`)) as AsyncList;
  return calls;
}

/** Waits until as many of a function's calls have ended, and gives all of them. */
export function untilEnded(berth: TestBerth, name: string, count: number, timeoutMs: number): Promise<CallView[]> {
  return until(
    async () => {
      const calls = await callsOf(berth, name);
      return calls.filter(({ endedAt }) => endedAt !== undefined).length >= count ? calls : undefined;
    },
    { timeoutMs, intervalMs: 250, message: `${count} calls of ${name} to have ended` },
  );
}

/** The lines that all replicas of a function have written to stdout or stderr, those of stopped ones included. */
export async function linesOf(berth: TestBerth, name: string): Promise<string[]> {
  const text = await ask(berth, 'GET', `/system/logs?name=${name}&follow=false`);
  const lines = text.split('\n').filter(Boolean);
  return lines.map((line) => (JSON.parse(line) as { text: string }).text.trimEnd());
}
