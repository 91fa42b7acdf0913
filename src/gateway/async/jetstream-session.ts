import { JetStreamApiError } from '@nats-io/jetstream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, type Log } from '../../base/log.ts';
import { ProviderError } from '../../provider/index.ts';
import { JetstreamConnection, type JetstreamConnectionOptions } from './jetstream-connection.ts';
import { CallChangedError, toQueueError } from './jetstream-errors.ts';
import { JetstreamIndex } from './jetstream-index.ts';
import { JetstreamStore } from './jetstream-store.ts';
import { QueueUnreachableError } from './queue-errors.ts';

export interface JetstreamSessionOptions extends JetstreamConnectionOptions {
  /** Starts the names of the stream and of the object store. */
  name: string;
  /** This process, among those that write there. */
  owner: string;
  log: Log;
  /** Looks through the store and says what is there. */
  load: (store: JetstreamStore) => Promise<JetstreamIndex>;
  /** Called when what waits may have changed. */
  onLoaded: () => void;
}

interface Reached {
  store: JetstreamStore;
  index: JetstreamIndex;
}

/** How long a step waits for a server before it fails. */
const patienceMs = 5000;
const againMs = 500;

/**
 * The steps that are taken at the server, and an index of what is there. A step whose outcome nobody knows, such as one that was cut
 * by the server's end, closes the door to others until all calls were looked through anew.
 */
export class JetstreamSession {
  readonly #options: JetstreamSessionOptions;
  readonly #connection: JetstreamConnection;
  #store: JetstreamStore | undefined;
  #index = new JetstreamIndex();
  #open = Promise.withResolvers<void>();
  #isOpen = false;
  #isLoading = false;
  #isClosed = false;
  #underWay = 0;
  readonly #whenIdle: (() => void)[] = [];

  constructor(options: JetstreamSessionOptions) {
    this.#options = options;
    this.#connection = new JetstreamConnection(
      options,
      () => this.reload(),
      () => this.#shut(),
    );
  }

  get index(): JetstreamIndex {
    return this.#index;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Resolves once there is a server and its calls are known; rejects after a while without. */
  async reached(): Promise<JetstreamStore> {
    if (this.#isOpen && this.#store) return this.#store;
    const patience = new AbortController();
    const late = sleep(patienceMs, true, { signal: patience.signal }).catch(() => false);
    try {
      while (!this.#isOpen) {
        if (this.#isClosed || (await Promise.race([this.#open.promise, late]))) throw new QueueUnreachableError();
      }
    } finally {
      patience.abort();
    }
    return this.#store ?? this.reached();
  }

  /** Takes a step. What it changes in the store it tells the index before it ends. */
  async step<T>(work: (reached: Reached) => Promise<T>): Promise<T> {
    const store = await this.reached();
    // The door may have been closed since.
    if (!this.#isOpen) return this.step(work);
    this.#underWay++;
    try {
      return await work({ store, index: this.#index });
    } catch (error) {
      if (!isAnswer(error)) this.reload();
      throw toQueueError(error);
    } finally {
      if (--this.#underWay === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
    }
  }

  /** Has all calls looked through anew; nobody takes a step until then. */
  reload(): void {
    this.#shut();
    if (!this.#isLoading) void this.#load();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#shut();
    this.#open.resolve();
    await Promise.race([this.#idle(), sleep(patienceMs)]);
    await this.#connection.close();
  }

  #shut(): void {
    if (this.#isOpen) this.#open = Promise.withResolvers<void>();
    this.#isOpen = false;
  }

  async #load(): Promise<void> {
    this.#isLoading = true;
    let told = '';
    while (!this.#isClosed && !this.#isOpen) {
      try {
        await this.#idle();
        const connection = this.#connection.current;
        if (!connection) break;
        this.#store = await JetstreamStore.open(connection, this.#options);
        this.#index = await this.#options.load(this.#store);
        this.#isOpen = this.#connection.current === connection;
      } catch (error) {
        const reason = describeError(error);
        if (reason !== told)
          this.#options.log.warn('calls could not be read from NATS JetStream, trying on', { reason });
        told = reason;
        await sleep(againMs);
      }
    }
    this.#isLoading = false;
    if (!this.#isOpen) return;
    this.#open.resolve();
    this.#options.onLoaded();
  }

  async #idle(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }
}

/** The server has said no, or we have: nothing was changed. */
function isAnswer(error: unknown): boolean {
  return [ProviderError, CallChangedError, JetStreamApiError].some((kind) => error instanceof kind);
}
