import { api, RefusedError } from './api.ts';
import type { ServerEvent } from './event-reader.ts';

export interface FollowedEvents {
  path: string;
  onEvent: (event: ServerEvent) => void;
  /** The stream has ended, and is opened again soon. */
  onLost: () => void;
  signal: AbortSignal;
  /** Events behind this one. */
  lastId?: string;
}

const soonestMs = 1000;
const latestMs = 15_000;

/**
 * Follows an event stream until the signal aborts or the session ends. A stream that was lost is opened again, and goes on
 * behind the last event that came.
 */
export async function followEvents({ path, onEvent, onLost, signal, lastId }: FollowedEvents): Promise<void> {
  let waitMs = soonestMs;
  const take = (event: ServerEvent) => {
    waitMs = soonestMs;
    lastId = event.id ?? lastId;
    onEvent(event);
  };
  while (!signal.aborted) {
    try {
      await api.events(path, take, signal, lastId);
    } catch (error) {
      if (error instanceof RefusedError && error.status === 401) return;
    }
    if (signal.aborted) return;
    onLost();
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    waitMs = Math.min(2 * waitMs, latestMs);
  }
}
