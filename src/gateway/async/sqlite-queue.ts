import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { allEnded } from '../../base/all-ended.ts';
import { isDiskFull } from '../../base/disk-full.ts';
import { describeError, type Log } from '../../base/log.ts';
import { fullName, type FunctionName } from '../../provider/index.ts';
import { BodyFiles } from './body-files.ts';
import type { CallStore } from './call-store.ts';
import { DiskRoom } from './disk-room.ts';
import { BodyTooLargeError, CallExistsError, QueueFullError, StoreError } from './queue-errors.ts';
import type {
  AddOptions,
  Attempt,
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
import { StoreClient } from './store-client.ts';
import { bodyFolder, databaseFile } from './store-places.ts';
import type { StoreAnswers, StoreVerb } from './store-thread.ts';
import type { CallToStore, StoredCall } from './stored-call.ts';
import { functionOf, StoredLanes } from './stored-lanes.ts';

export interface SqliteQueueOptions {
  /** The queue's own folder, made with the first call. */
  dir: string;
  log: Log;
  /** How many calls may wait or run, and how many that have ended are remembered. */
  maxCalls: number;
  /** How many bytes all calls may take, and those that have ended half of that. */
  maxBytes: number;
  /** What must be free on the disk for a call to be taken in; 64 MiB unless set. Ends of calls have to be written, too. */
  leastFreeBytes?: number;
}

/** How many ended calls are forgotten in one step: others are served between two. */
const forgottenAtOnce = 500;

/**
 * The queue that is embedded: records in a database of SQLite, whose thread runs once there is something to do, and long bodies in
 * files. In memory are numbers for each function, and nothing for each call.
 */
export class SqliteQueue implements Queue {
  readonly #options: SqliteQueueOptions;
  readonly #bodies: BodyFiles;
  readonly #room: DiskRoom;
  readonly #store: StoreClient;
  readonly #lanes = new StoredLanes();
  readonly #listeners: (() => void)[] = [];
  /** What is being put on the queue, and is not in the store yet. */
  readonly #coming = { calls: 0, bytes: 0 };
  #isFailing = false;

  private constructor(options: SqliteQueueOptions) {
    this.#options = options;
    // Marks what this process takes and writes. All are of one length: none starts as another does.
    const owner = randomBytes(8).toString('hex');
    this.#bodies = new BodyFiles(bodyFolder(options.dir), owner);
    this.#room = new DiskRoom(options.dir, options.leastFreeBytes ?? 64 * 1024 * 1024);
    this.#store = new StoreClient({ dir: options.dir, owner }, (answers) => this.#answered(answers));
  }

  /** Opens a queue with the calls that are in its folder. One that cannot be read says so in the log, and to who uses it. */
  static async open(options: SqliteQueueOptions): Promise<SqliteQueue> {
    const queue = new SqliteQueue(options);
    // Any answer brings the lanes.
    if (existsSync(databaseFile(options.dir))) await queue.get('').catch(() => {});
    return queue;
  }

  async add(call: NewCall, body: Readable | Buffer, options?: AddOptions): Promise<void> {
    const coming = this.#coming;
    const headBytes = headBytesOf(call);
    let bytes = 0;
    const admit = (bodyBytes: number) => {
      coming.bytes += headBytes + bodyBytes - bytes;
      bytes = headBytes + bodyBytes;
      if (options && bodyBytes > options.bodyLimitBytes) throw new BodyTooLargeError(options.bodyLimitBytes);
      this.#refuseOverfull();
    };
    coming.calls += 1;
    try {
      admit(0);
      const stored = await this.#withBody(call, body, admit);
      const isNew = await this.#keeping([stored], async () => {
        // Not before the body is read: an error of its stream would meet no listener.
        if (await this.#room.isShort()) throw new StoreError({ message: 'the disk is nearly full', isFull: true });
        return this.#ask('add', stored);
      });
      if (isNew) return;
      await this.#bodies.remove(stored.body);
      throw new CallExistsError(call.id);
    } finally {
      coming.calls -= 1;
      coming.bytes -= bytes;
    }
  }

  lanes(): Iterable<Lane> {
    return this.#lanes.waiting();
  }

  pending(fn: FunctionName): number {
    return this.#lanes.pending(fn);
  }

  onWaiting(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async take({ fn, kind }: Pick<Lane, 'fn' | 'kind'>, most: number): Promise<TakenCall[]> {
    const taken = await this.#ask('take', fullName(fn), kind, most);
    return taken.map((call) => ({
      ...recordOf(call),
      state: 'running',
      body: () => this.#bodies.read(call.body),
      bodyBytes: call.body.bytes,
    }));
  }

  async retry(id: string, options: { dueMs: number; last?: Attempt; uncounted?: boolean }): Promise<void> {
    await this.#ask('retry', id, options.dueMs, options.last, options.uncounted);
  }

  async finish(id: string, { follows = [], ...ending }: Ending): Promise<void> {
    const stored: CallToStore[] = [];
    await this.#keeping(stored, async () => {
      await allEnded(follows.map(async ({ call, body }) => stored.push(await this.#withBody(call, body, () => {}))));
      await this.#ask('finish', id, { ...ending, follows: stored });
    });
  }

  async cancel(id: string): Promise<CallState | undefined> {
    return this.#ask('cancel', id);
  }

  async replay(id: string): Promise<boolean | undefined> {
    return this.#ask('replay', id);
  }

  async get(id: string): Promise<CallRecord | undefined> {
    const call = await this.#ask('get', id);
    return call && recordOf(call);
  }

  async list({ fn, ...options }: ListOptions): Promise<CallRecord[]> {
    const calls = await this.#ask('list', { ...options, fn: fn && fullName(fn) });
    return calls.map(recordOf);
  }

  async counts(): Promise<Map<string, StateCounts>> {
    return Promise.resolve(this.#lanes.counts());
  }

  async recover(): Promise<void> {
    if (existsSync(bodyFolder(this.#options.dir))) await this.#ask('recover');
  }

  async expire(endedBeforeMs: number): Promise<number> {
    let forgotten = 0;
    for (;;) {
      const excess = this.#endedExcess();
      const now =
        excess > 0
          ? await this.#ask('forget', Number.MAX_SAFE_INTEGER, Math.min(excess, forgottenAtOnce))
          : this.#lanes.total.ended > 0
            ? await this.#ask('forget', endedBeforeMs, forgottenAtOnce)
            : 0;
      forgotten += now;
      if (now === 0) return forgotten;
    }
  }

  /** How many calls that have ended are too many, about: whoever has calls fail must not keep out new ones. */
  #endedExcess(): number {
    const { maxCalls, maxBytes } = this.#options;
    const { ended, endedBytes } = this.#lanes.total;
    const excessBytes = endedBytes - maxBytes / 2;
    return Math.max(ended - maxCalls, excessBytes > 0 ? Math.ceil((ended * excessBytes) / endedBytes) : 0);
  }

  async close(): Promise<void> {
    await this.#store.close();
  }

  #refuseOverfull(): void {
    const { maxCalls, maxBytes } = this.#options;
    const { total } = this.#lanes;
    const isFull = total.calls + this.#coming.calls > maxCalls || total.bytes + this.#coming.bytes > maxBytes;
    if (isFull) throw new QueueFullError();
  }

  async #withBody(call: NewCall, body: Readable | Buffer, admit: (bytes: number) => void): Promise<CallToStore> {
    const stored = await this.#bodies.write(body, admit).catch((error: unknown) => {
      throw isDiskFull(error) ? new StoreError({ message: describeError(error), isFull: true }) : error;
    });
    return { ...call, fn: fullName(call.fn), body: stored };
  }

  /** Removes the bodies of calls when what puts them into the store fails. */
  async #keeping<T>(calls: CallToStore[], work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      for (const { body } of calls) await this.#bodies.remove(body);
      throw error;
    }
  }

  async #ask<V extends StoreVerb>(verb: V, ...values: Parameters<CallStore[V]>): Promise<ReturnType<CallStore[V]>> {
    try {
      const value = await this.#store.ask(verb, ...values);
      this.#isFailing = false;
      return value;
    } catch (error) {
      if (!this.#isFailing) this.#options.log.error('the queue of asynchronous calls fails', { error });
      this.#isFailing = true;
      throw error;
    }
  }

  #answered({ lanes, all, aside, hasWaiting }: StoreAnswers): void {
    if (aside)
      this.#options.log.error(
        'the store of asynchronous calls was damaged and is set aside, a new one is begun: the calls in it are not made',
        aside,
      );
    this.#lanes.update(lanes, all);
    if (hasWaiting) for (const listener of this.#listeners) listener();
  }
}

/** What a call takes beside its body, about. */
function headBytesOf({ path, url = '', headers }: NewCall): number {
  return headers.reduce((sum, [name, value]) => sum + name.length + value.length, path.length + url.length);
}

function recordOf({ record: { fn, result, ...record } }: StoredCall): CallRecord {
  // What comes from a thread is no Buffer any more.
  return { ...record, fn: functionOf(fn), ...(result && { result: { ...result, body: Buffer.from(result.body) } }) };
}
