import { JetStreamApiError } from '@nats-io/jetstream';
import { ProviderError } from '../../provider/index.ts';
import { QueueFullError, QueueUnreachableError } from './queue-errors.ts';

/** Somebody else has changed the call in the meantime. */
export class CallChangedError extends Error {}

/** The account or the stream has no room: "insufficient resources", "resource limits exceeded", "maximum bytes exceeded". */
const fullCodes = new Set([10_023, 10_047, 10_077]);

/** Returns what the caller of the queue is told. */
export function toQueueError(error: unknown): Error {
  if (error instanceof ProviderError || error instanceof CallChangedError) return error;
  const isFull = error instanceof JetStreamApiError && fullCodes.has(error.code);
  return isFull ? new QueueFullError({ cause: error }) : new QueueUnreachableError({ cause: error });
}
