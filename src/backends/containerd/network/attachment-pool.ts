import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, type Log } from '../../../base/log.ts';

export interface AttachmentPoolOptions {
  /** How many attachments are kept ready. */
  size: number;
  newId: () => string;
  attach: (id: string) => Promise<unknown>;
  detach: (id: string) => Promise<void>;
  /** Whether there are addresses to spare. */
  hasRoom: () => Promise<boolean>;
  log: Log;
}

/** Nothing is made while replicas start one after the other: it would only make each of them slower. */
const quietMs = 500;
const retryMs = 30_000;

/**
 * Attachments made ahead, each under the id of a replica that is still to come. Nothing of it is stored: what a crash leaves
 * is swept like any attachment without a replica.
 */
export class AttachmentPool {
  readonly #options: AttachmentPoolOptions;
  /** In the making, or ready. */
  readonly #ids = new Set<string>();
  readonly #ready: string[] = [];
  readonly #stopping = new AbortController();
  #timer?: NodeJS.Timeout;
  #filling?: Promise<void>;

  constructor(options: AttachmentPoolOptions) {
    this.#options = options;
  }

  /** Fills up in a moment; until then, and after `stop`, there is nothing to take. */
  fillSoon(delayMs = quietMs): void {
    clearTimeout(this.#timer);
    if (this.#options.size === 0 || this.#stopping.signal.aborted) return;
    this.#timer = setTimeout(() => void this.#fillOnce(), delayMs).unref();
  }

  #fillOnce(): Promise<void> {
    return (this.#filling ??= this.#fill().finally(() => (this.#filling = undefined)));
  }

  /** Takes an attachment for a replica, which owns it from now on; undefined where none is ready. */
  take(): string | undefined {
    const id = this.#ready.shift();
    if (id !== undefined) this.#ids.delete(id);
    this.fillSoon();
    return id;
  }

  /** Whether an attachment is the pool's own. */
  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /**
   * Gives the address of one that is ready to whoever needs it more.
   * @returns false where none is ready
   */
  async release(): Promise<boolean> {
    const id = this.#ready.shift();
    if (id === undefined) return false;
    await this.#options.detach(id).finally(() => this.#ids.delete(id));
    return true;
  }

  /** Ends it and takes away what is ready. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#filling;
    while (await this.release());
  }

  async #fill(): Promise<void> {
    const { size, newId, attach, hasRoom, log } = this.#options;
    const { signal } = this.#stopping;
    while (this.#ids.size < size && !signal.aborted) {
      let id: string | undefined;
      try {
        if (!(await hasRoom())) return;
        this.#ids.add((id = newId()));
        await attach(id);
        this.#ready.push(id);
      } catch (error) {
        // A failed attach leaves nothing behind.
        if (id !== undefined) this.#ids.delete(id);
        log.debug('could not prepare a network namespace ahead', { error: describeError(error) });
        return this.fillSoon(retryMs);
      }
      await sleep(quietMs / 5, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }
}
