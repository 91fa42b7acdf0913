import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../base/log.ts';
import { monotonicMs } from '../../base/monotonic.ts';
import type { JetstreamCall } from './jetstream-call.ts';
import { CallChangedError } from './jetstream-errors.ts';
import type { JetstreamSession } from './jetstream-session.ts';
import type { JetstreamStore } from './jetstream-store.ts';
import { CallExistsError, QueueFullError, QueueUnreachableError } from './queue-errors.ts';

const againMs = 500;

/** Changes calls in the stream, and tells the index. */
export class JetstreamWriter {
  readonly #session: JetstreamSession;
  readonly #log: Log;
  readonly #onQueued: () => void;

  constructor(session: JetstreamSession, log: Log, onQueued: () => void) {
    this.#session = session;
    this.#log = log;
    this.#onQueued = onQueued;
  }

  /** Queues a new call; one that was queued like this without our knowing is left. */
  async put(call: JetstreamCall): Promise<void> {
    try {
      await this.#session.step(({ store }) => this.write(store, undefined, call));
    } catch (error) {
      // Otherwise it may be queued, and need its body.
      if (!(error instanceof QueueUnreachableError)) this.removeBody(call);
      throw error instanceof CallChangedError ? new CallExistsError(call.id) : error;
    }
    this.#onQueued();
  }

  /** Changes a call that is there. Resolves with what it was; it is left alone where there is nothing to come `next`. */
  async change(
    id: string,
    next: (call: JetstreamCall) => JetstreamCall | undefined,
  ): Promise<JetstreamCall | undefined> {
    try {
      return await this.#session.step(async ({ store }) => {
        const call = await store.read(id);
        const after = call && next(call);
        if (after) await this.write(store, call, after);
        return call;
      });
    } catch (error) {
      if (error instanceof CallChangedError) return this.change(id, next);
      throw error;
    }
  }

  /** In a step. */
  async write(store: JetstreamStore, before: JetstreamCall | undefined, after: JetstreamCall): Promise<JetstreamCall> {
    const { seq, wasWritten } = await store.write(after, before);
    const written = { ...after, seq };
    if (wasWritten) this.#session.reload();
    else this.#session.index.change(before, written);
    return written;
  }

  /** Takes a step again and again until there was a server that took it. */
  async persist(step: () => Promise<unknown>, patienceMs = Infinity): Promise<void> {
    const deadline = monotonicMs() + patienceMs;
    for (;;) {
      try {
        await step();
        return;
      } catch (error) {
        const isOpen = error instanceof QueueUnreachableError || error instanceof QueueFullError;
        if (!isOpen || this.#session.isClosed || monotonicMs() > deadline) throw error;
        await sleep(againMs);
      }
    }
  }

  removeBody({ id, bodyObject }: Pick<JetstreamCall, 'id' | 'bodyObject'>): void {
    if (!bodyObject) return;
    this.#session
      .step(({ store }) => store.bodies.remove(bodyObject))
      .catch((error: unknown) => this.#log.debug('body is left for the next start', { call: id, error }));
  }
}
