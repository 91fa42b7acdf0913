import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../base/log.ts';
import { monotonicMs } from '../base/monotonic.ts';
import { RegistryError } from './registry-error.ts';

/** The part of a blob that is to be read, and how. */
export interface BlobRange {
  /** Name of the blob in errors. */
  what: string;
  size: number;
  offset: number;
  /** How long the network may be silent before the connection counts as cut. */
  stallTimeoutMs: number;
  signal?: AbortSignal;
  log: Log;
}

/** Slower is no network: whoever is answered by a byte now and then would hold its pull, and all that wait for it, for ever. */
const slowestBytesPerSecond = 1024;
const maxCutsWithoutProgress = 3;
const retryDelayMs = 200;

/**
 * Reads a blob from `offset` to its end through as many connections as it takes.
 * @param open asks for the blob from an offset on
 * @throws RegistryError of kind `unreachable` when connections are cut without progress, `corrupt` when it is too long
 */
export async function* readBlob(
  open: (offset: number) => Promise<IncomingMessage>,
  { what, size, offset, stallTimeoutMs, signal, log }: BlobRange,
): AsyncGenerator<Buffer> {
  let at = offset;
  for (let cuts = 0; at < size;) {
    const response = await open(at);
    const openedAt = at;
    let cut: Error | undefined;
    try {
      for await (const chunk of bodyFrom(response, { what, offset: at, stallTimeoutMs })) {
        at += chunk.length;
        if (at > size) throw new RegistryError('corrupt', `${what} is longer than its ${size} bytes`);
        yield chunk;
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof RegistryError) throw error;
      cut = error as Error;
    }
    if (at >= size) return;
    cuts = at - openedAt >= leastBytes(stallTimeoutMs) ? 0 : cuts + 1;
    if (cuts >= maxCutsWithoutProgress) throw givenUp(what, at, size, cut);
    log.debug('blob read was cut, resuming', { blob: what, offset: at, size, error: cut });
    await sleep(retryDelayMs, undefined, { signal });
  }
}

async function* bodyFrom(
  response: IncomingMessage,
  { what, offset, stallTimeoutMs }: Pick<BlobRange, 'what' | 'offset' | 'stallTimeoutMs'>,
): AsyncGenerator<Buffer> {
  let skip = bytesBefore(response, offset, what);
  let [waitedMs, received] = [0, 0];
  const chunks = (response as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  try {
    for (;;) {
      // Only waiting for the network counts as idle: the reader may take its time.
      const giveUp = () => response.destroy(new Error(`no data for ${stallTimeoutMs} ms`));
      const timer = setTimeout(giveUp, stallTimeoutMs);
      const beganAtMs = monotonicMs();
      const next = await chunks.next().finally(() => clearTimeout(timer));
      if (next.done) return;
      waitedMs += monotonicMs() - beganAtMs;
      received += next.value.length;
      if (waitedMs >= stallTimeoutMs) {
        if (received < leastBytes(stallTimeoutMs)) throw new Error('it was too slow');
        [waitedMs, received] = [0, 0];
      }
      const rest = next.value.subarray(Math.min(skip, next.value.length));
      skip -= next.value.length - rest.length;
      if (rest.length > 0) yield rest;
    }
  } finally {
    response.destroy();
  }
}

/** Counts what a connection must bring in the time that it may be silent, for it to go on. */
function leastBytes(stallTimeoutMs: number): number {
  return (stallTimeoutMs * slowestBytesPerSecond) / 1000;
}

/** Counts the bytes to drop: all that were asked to be left out, where the server does not do ranges. */
function bytesBefore(response: IncomingMessage, offset: number, what: string): number {
  if (offset === 0 && response.statusCode === 200) return 0;
  const start = /^bytes (\d+)-/.exec(response.headers['content-range'] ?? '')?.[1];
  if (start !== undefined) {
    if (Number(start) === offset) return 0;
    response.destroy();
    throw new RegistryError('corrupt', `the registry answered another range of ${what} than was asked for`);
  }
  return response.statusCode === 206 ? 0 : offset;
}

function givenUp(what: string, at: number, size: number, cause: Error | undefined): RegistryError {
  const where = `at byte ${at} of ${size} of ${what}`;
  const message = `the connection was cut ${maxCutsWithoutProgress} times, or brought fewer than ${slowestBytesPerSecond} bytes a second, ${where}`;
  return new RegistryError('unreachable', message, { cause });
}
