import { api, RefusedError } from './api.ts';
import { readEvents, type ServerEvent } from './event-reader.ts';
import { sleep } from './sleep.ts';

export interface FollowedEvents {
  path: string;
  onEvent: (event: ServerEvent) => void;
  /** The stream has been opened, the first time or anew. */
  onOpen?: () => void;
  /** The stream has ended, or nothing comes of it any more; it is opened again soon. */
  onLost: () => void;
  signal: AbortSignal;
  /** Events behind this one. */
  lastId?: string;
  /** How long nothing may come; 40 s unless given. */
  silentMs?: number;
}

const soonestMs = 1000;
const latestMs = 15_000;

/**
 * Follows an event stream until the signal aborts or the session ends. A stream that was lost is opened again, and goes on
 * behind the last event that came.
 */
export async function followEvents(options: FollowedEvents): Promise<void> {
  const { path, onEvent, onOpen, onLost, signal, silentMs } = options;
  let { lastId } = options;
  let waitMs = soonestMs;
  const take = (event: ServerEvent) => {
    waitMs = soonestMs;
    lastId = event.id ?? lastId;
    onEvent(event);
  };
  while (!signal.aborted) {
    const headers: Record<string, string> = { Accept: 'text/event-stream' };
    if (lastId !== undefined) headers['Last-Event-ID'] = lastId;
    try {
      await api.stream(path, { headers, signal, silentMs }, (reply, heard) => {
        onOpen?.();
        return readEvents(reply, take, heard);
      });
    } catch (error) {
      if (error instanceof RefusedError && error.status === 401) return;
    }
    if (signal.aborted) return;
    onLost();
    await sleep(waitMs, signal);
    waitMs = Math.min(2 * waitMs, latestMs);
  }
}
