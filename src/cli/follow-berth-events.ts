import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SystemEvent } from '../provider/index.ts';
import { ApiError, type ApiClient } from './api-client.ts';
import { linesOf } from './lines-of.ts';
import type { Cli } from './verb.ts';

const soonestMs = 250;
const latestMs = 5000;

/**
 * Gives what happened and what happens until the signal aborts, each event once. A stream that ends, as at an upgrade, is opened
 * again, and goes on behind the last event.
 * @param path of GET /system/events, with its query
 * @throws ApiError when berth refuses; Error when it does not answer at first
 */
export async function* followBerthEvents(
  api: ApiClient,
  path: string,
  { signal, stderr }: Pick<Cli, 'signal' | 'stderr'>,
): AsyncGenerator<SystemEvent> {
  let stream: IncomingMessage | undefined = await open(api, path, signal);
  let lastId: string | undefined;
  let isTold = false;
  for (let waitMs = soonestMs; !signal.aborted; waitMs = Math.min(2 * waitMs, latestMs)) {
    for await (const event of eventsOf(stream)) {
      lastId = event.id;
      isTold = false;
      waitMs = soonestMs;
      yield event;
    }
    if (!signal.aborted && !isTold) stderr.write('the connection to berth is lost: trying again\n');
    isTold = true;
    await sleep(waitMs, undefined, { signal }).catch(() => {});
    stream = await open(api, path, signal, lastId).catch(unlessRefused);
  }
}

function open(api: ApiClient, path: string, signal: AbortSignal, lastId?: string): Promise<IncomingMessage> {
  const headers: Record<string, string> = { Accept: 'text/event-stream' };
  if (lastId !== undefined) headers['Last-Event-ID'] = lastId;
  return api.stream(path, { signal, headers });
}

/** A berth that starts or ends may not answer, or answer that it cannot yet. */
function unlessRefused(error: unknown): undefined {
  if (error instanceof ApiError && error.status < 500) throw error;
}

/** Reads events until the stream ends or breaks. */
async function* eventsOf(stream: IncomingMessage | undefined): AsyncGenerator<SystemEvent> {
  if (!stream) return;
  let data = '';
  const lines = linesOf(stream);
  for (;;) {
    const line = await lines.next().catch(() => undefined);
    if (!line || line.done) return;
    if (line.value.startsWith('data: ')) data = line.value.slice('data: '.length);
    // What is cut off before its empty line is no event.
    if (line.value !== '' || data === '') continue;
    yield JSON.parse(data) as SystemEvent;
    data = '';
  }
}
