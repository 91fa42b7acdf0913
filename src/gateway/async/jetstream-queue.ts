import { nuid } from '@nats-io/transport-node';
import { Readable } from 'node:stream';
import type { Log } from '../../base/log.ts';
import type { FullName, FunctionName } from '../../provider/index.ts';
import { recordOf, type JetstreamCall } from './jetstream-call.ts';
import { begun, ended, newCall, queuedAnew, replayed } from './jetstream-changes.ts';
import { CallChangedError } from './jetstream-errors.ts';
import { JetstreamLoader } from './jetstream-loader.ts';
import { JetstreamSession } from './jetstream-session.ts';
import { JetstreamSharing } from './jetstream-sharing.ts';
import type { JetstreamStore } from './jetstream-store.ts';
import { JetstreamWriter } from './jetstream-writer.ts';
import { endedBefore, listCalls } from './list-calls.ts';
import type { NatsAddress } from './nats-address.ts';
import { CallExistsError, QueueFullError, QueueUnreachableError } from './queue-errors.ts';
import type {
  AddOptions,
  CallRecord,
  CallState,
  Ending,
  Lane,
  ListOptions,
  NewCall,
  Queue,
  StateCounts,
  TakenCall,
} from './queue.ts';

export interface JetstreamQueueOptions {
  address: NatsAddress;
  credentialsFile?: string | undefined;
  caFile?: string | undefined;
  /** The name of the stream, and with `-bodies` of the object store: a queue of its own. */
  name: string;
  /** Whether other processes have the same queue. */
  isShared?: boolean;
  log: Log;
  /** How many calls may wait or run. */
  maxCalls: number;
  /** How many bytes of bodies may wait or run. */
  maxBytes: number;
}

const againMs = 500;
/** How long the end of a call waits for a server before its worker goes on. */
const patienceMs = 15_000;
const forgottenAtOnce = 64;

/**
 * The queue in NATS JetStream. What is not one step at the server is taken so that a call is made once more rather than not at all:
 * what follows an ended call is queued before it ends, so that it may be queued twice; a body may outlive its call for an hour.
 * While no server answers, adding rejects with QueueUnreachableError, and the ends of calls that were taken wait for it.
 * Durable is what the server keeps: one that stands alone writes to its disk at once only with `sync_interval: always`.
 */
export class JetstreamQueue implements Queue {
  readonly #owner = nuid.next();
  readonly #options: JetstreamQueueOptions;
  readonly #taken = new Map<string, JetstreamCall>();
  readonly #loader = new JetstreamLoader(this.#owner, this.#taken);
  readonly #session: JetstreamSession;
  readonly #writer: JetstreamWriter;
  readonly #sharing?: JetstreamSharing;
  readonly #listeners: (() => void)[] = [];
  #lastOrder = 0;
  /** What is being put on the queue, and is not in the stream yet. */
  readonly #coming = { calls: 0, bytes: 0 };

  private constructor(options: JetstreamQueueOptions) {
    this.#options = options;
    this.#session = new JetstreamSession({
      ...options,
      owner: this.#owner,
      load: (store) => (this.#sharing ?? this.#loader).load(store),
      onLoaded: () => this.#wake(),
    });
    this.#writer = new JetstreamWriter(this.#session, options.log, () => this.#wake());
    if (!options.isShared) return;
    const [session, writer, loader] = [this.#session, this.#writer, this.#loader];
    const own = { owner: this.#owner, session, writer, loader, onQueued: () => this.#wake() };
    this.#sharing = new JetstreamSharing({ ...options, ...own });
  }

  /** Connects; where no server answers the queue is there all the same, and goes on trying. */
  static async open(options: JetstreamQueueOptions): Promise<JetstreamQueue> {
    const queue = new JetstreamQueue(options);
    await queue.#session.reached().catch(() => {});
    return queue;
  }

  async add(call: NewCall, body: Readable | Buffer, { bodyLimitBytes }: Partial<AddOptions> = {}): Promise<void> {
    await this.#session.reached();
    if (this.#session.index.unended.calls + this.#coming.calls >= this.#options.maxCalls) throw new QueueFullError();
    this.#coming.calls++;
    let bodyBytes = 0;
    try {
      const added = await this.#newCall(call, body, bodyLimitBytes);
      this.#coming.bytes += bodyBytes = added.bodyBytes;
      await this.#putOnceMore(added);
    } finally {
      this.#coming.calls--;
      this.#coming.bytes -= bodyBytes;
    }
  }

  lanes(): Iterable<Lane> {
    return this.#session.index.lanes();
  }

  pending(fn: FunctionName): number {
    return this.#session.index.pending(fn);
  }

  onWaiting(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async take(lane: Pick<Lane, 'fn' | 'kind'>, most: number): Promise<TakenCall[]> {
    const results = await this.#session.step(({ store, index }) =>
      Promise.allSettled(index.takeDue(lane, Date.now(), most).map((seq) => this.#takeMessage(store, seq))),
    );
    const taken = results.flatMap((result) => (result.status === 'fulfilled' && result.value ? [result.value] : []));
    const failed = results.find((result) => result.status === 'rejected' && !this.#isLost(result.reason));
    // What was not taken is found anew, in whichever state it is; of what another one took first we are told.
    if (taken.length < results.length && (failed || !this.#sharing)) this.#session.reload();
    if (failed?.status === 'rejected' && taken.length === 0) throw new QueueUnreachableError({ cause: failed.reason });
    return taken.map((call) => this.#takenCall(call));
  }

  async retry(id: string, options: Parameters<Queue['retry']>[1]): Promise<void> {
    await this.#settle(id, (call) => queuedAnew(call, options));
  }

  async finish(id: string, { follows = [], ...ending }: Ending): Promise<void> {
    if (!this.#taken.has(id)) return;
    try {
      if (follows.length > 0) await this.#writer.persist(() => this.#session.reached(), patienceMs);
      for (const { call, body } of follows) await this.#follow(await this.#newCall(call, body));
    } catch (error) {
      this.#options.log.warn('call is made again: what follows it could not be queued', { call: id, error });
      return this.retry(id, { dueMs: Date.now() + againMs, uncounted: true });
    }
    await this.#settle(id, (call) => ended(call, ending));
  }

  async cancel(id: string): Promise<CallState | undefined> {
    const call = await this.#writer.change(id, (found) =>
      found.state === 'queued' ? ended(found, { state: 'cancelled' }) : undefined,
    );
    if (call?.state === 'queued') this.#writer.removeBody(call);
    return call?.state;
  }

  async replay(id: string): Promise<boolean | undefined> {
    const call = await this.#writer.change(id, replayed);
    if (call?.isDead) this.#wake();
    return call && call.isDead === true;
  }

  async get(id: string): Promise<CallRecord | undefined> {
    const call = await this.#session.step(({ store }) => store.read(id));
    return call && recordOf(call);
  }

  list(options: ListOptions): Promise<CallRecord[]> {
    return this.#session.step(({ store }) => listCalls(store, options));
  }

  counts(): Promise<Map<FullName, StateCounts>> {
    return this.#session.step(async ({ index }) => Promise.resolve(index.counts()));
  }

  async recover(): Promise<void> {
    if (this.#sharing) return void this.#sharing.watch();
    this.#loader.isAlone = true;
    while (this.#loader.isAlone) {
      this.#session.reload();
      await this.#session.reached();
    }
  }

  async expire(endedBeforeMs: number): Promise<number> {
    const found = await this.#session.step(({ store }) => endedBefore(store, endedBeforeMs));
    let forgotten = 0;
    while (found.length > 0) {
      const some = found.splice(0, forgottenAtOnce);
      const results = await this.#session.step(({ store, index }) =>
        Promise.all(
          some.map(async (call) => {
            const wasThere = await store.forget(call.seq);
            if (!wasThere) return false;
            index.change(call, undefined);
            this.#sharing?.forgot(store, call);
            this.#writer.removeBody(call);
            return true;
          }),
        ),
      );
      forgotten += results.filter(Boolean).length;
    }
    return forgotten;
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  async #newCall(call: NewCall, body: Readable | Buffer, limitBytes?: number): Promise<JetstreamCall> {
    // No step: a body may take its time.
    const { bodies } = await this.#session.reached();
    const stored = await bodies.write(nuid.next(), body, limitBytes);
    this.#lastOrder = Math.max(this.#lastOrder + 1, this.#session.index.lastOrder + 1, Date.now() * 1000);
    return newCall(call, stored, this.#lastOrder);
  }

  /** Queues a new call if there is room; what a restart of the server has cut is tried once more. */
  async #putOnceMore(call: JetstreamCall): Promise<void> {
    if (this.#session.index.unended.bytes + this.#coming.bytes > this.#options.maxBytes) {
      this.#writer.removeBody(call);
      throw new QueueFullError();
    }
    await this.#writer.put(call).catch((error: unknown) => {
      if (!(error instanceof QueueUnreachableError)) throw error;
      return this.#writer.put(call);
    });
  }

  async #follow(call: JetstreamCall): Promise<void> {
    try {
      await this.#writer.persist(() => this.#writer.put(call), patienceMs);
    } catch (error) {
      // By an earlier end of the same call.
      if (!(error instanceof CallExistsError)) throw error;
    }
  }

  async #takeMessage(store: JetstreamStore, seq: number): Promise<JetstreamCall | undefined> {
    const call = await store.readMessage(seq);
    if (call?.state !== 'queued') return undefined;
    const taken = await this.#writer.write(store, call, begun(call, this.#owner));
    this.#taken.set(call.id, taken);
    return taken;
  }

  #takenCall(call: JetstreamCall): TakenCall {
    const { body = Buffer.alloc(0), bodyObject, bodyBytes } = call;
    const session = this.#session;
    async function* pieces() {
      if (!bodyObject) yield body;
      else yield* (await session.reached()).bodies.read(bodyObject, bodyBytes);
    }
    return {
      ...recordOf(call),
      state: 'running',
      bodyBytes,
      body: () => Readable.from(pieces(), { objectMode: false }),
    };
  }

  /** Changes a call that was taken, however long the server is away; after a while it is no longer waited for. */
  async #settle(id: string, next: (call: JetstreamCall) => JetstreamCall): Promise<void> {
    const call = this.#taken.get(id);
    if (!call) return;
    const settling = this.#writeTaken(call, next(call)).catch((error: unknown) => {
      if (error instanceof CallChangedError) this.#taken.delete(id);
      this.#options.log.warn('what became of a call was not kept: it may be made again', { call: id, error });
    });
    const patience = Promise.withResolvers<void>();
    const timer = setTimeout(patience.resolve, patienceMs).unref();
    await Promise.race([settling, patience.promise]);
    // Many calls end within that time.
    clearTimeout(timer);
  }

  async #writeTaken(call: JetstreamCall, after: JetstreamCall): Promise<void> {
    await this.#writer.persist(() =>
      this.#session.step(async ({ store }) => {
        await this.#writer.write(store, call, after);
        this.#taken.delete(call.id);
      }),
    );
    if (after.state === 'queued') this.#wake();
    else if (!after.isDead) this.#writer.removeBody(call);
  }

  /** Whether another process has taken a call before us. */
  #isLost(error: unknown): boolean {
    return this.#sharing !== undefined && error instanceof CallChangedError;
  }

  #wake(): void {
    for (const listener of this.#listeners) listener();
  }
}
