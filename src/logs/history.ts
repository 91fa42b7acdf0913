import { appendFile, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { linesOf, offsetSince, readMarksOf } from './history-query.ts';
import { formatRecord, type ReadMark } from './log-record.ts';
import { keepFrom, openSegment, type Segment } from './segment.ts';
import { Subscription } from './subscription.ts';
import type { LoggedFunction, LogLine, LogQuery, LogReplica } from './log-line.ts';

export interface HistoryOptions {
  folder: string;
  function: LoggedFunction;
  /** How many bytes the two files may take together. */
  maxBytes: number;
}

/**
 * The newest lines of one function, in `previous.log` and `current.log`: when the second is half of `maxBytes` it takes
 * the place of the first. One thing happens at a time, so that a reader's view of the files and the lines that it is
 * sent afterwards meet without a gap.
 */
export class History {
  readonly #folder: string;
  readonly #function: LoggedFunction;
  readonly #maxBytes: number;
  readonly #subscriptions = new Set<Subscription>();
  /** Size of current.log in bytes; undefined until it is looked at. */
  #size?: number;
  readonly #inTurn = pLimit(1);

  constructor({ folder, function: { name, namespace }, maxBytes }: HistoryOptions) {
    this.#folder = folder;
    this.#function = { name, namespace };
    this.#maxBytes = maxBytes;
  }

  /** Whether nobody reads, writes or follows it now: another object for the same folder may then take its place. */
  get isIdle(): boolean {
    return this.#inTurn.activeCount + this.#inTurn.pendingCount + this.#subscriptions.size === 0;
  }

  /**
   * Keeps lines of one replica, and with them how far its file was read.
   * Followers get the lines even where they cannot be kept, such as on a full disk; the promise is then rejected.
   */
  append(instance: string, texts: string[], mark?: ReadMark): Promise<void> {
    return this.#inTurn(async () => {
      const timestamp = new Date().toISOString();
      const lines = texts.map((text) => ({ ...this.#function, instance, timestamp, text }));
      try {
        const last = lines.length - 1;
        const records = lines.map((line, index) => formatRecord({ line, mark: index === last ? mark : undefined }));
        await this.#write(Buffer.from(records.join('')));
      } finally {
        for (const subscription of this.#subscriptions) subscription.push(lines);
      }
    });
  }

  /** Answers kept lines, then new ones if asked to follow; ends quietly when the signal aborts or `close` is called. */
  async *query(query: LogQuery, signal?: AbortSignal): AsyncGenerator<LogLine, void> {
    const { segments, subscription } = await this.#inTurn(() => this.#view(query));
    const close = () => subscription?.close();
    signal?.addEventListener('abort', close);
    if (signal?.aborted) close();
    try {
      for await (const line of linesOf(segments, query)) {
        if (signal?.aborted) return;
        yield line;
      }
      for await (const line of subscription?.read() ?? []) {
        if (signal?.aborted) return;
        yield line;
      }
    } finally {
      signal?.removeEventListener('abort', close);
      if (subscription) this.#subscriptions.delete(subscription);
      await closeAll(segments);
    }
  }

  /** Says how far a replica's files were read, by what was kept from `since` on; empty where that is nothing. */
  readMarks(replica: LogReplica, since: Date): Promise<ReadMark[]> {
    return this.#inTurn(async () => {
      const segments = await this.#openSegments();
      try {
        return await readMarksOf(segments, replica, since);
      } finally {
        await closeAll(segments);
      }
    });
  }

  /** Removes the lines from before a moment. */
  trim(before: Date): Promise<void> {
    return this.#inTurn(async () => {
      this.#size = undefined;
      for (const name of ['previous', 'current'] as const) await this.#trimSegment(this.#path(name), before);
    });
  }

  /** Ends all followers. */
  close(): void {
    for (const subscription of this.#subscriptions) subscription.close();
  }

  /** Removes all lines; new ones begin a new history. */
  remove(): Promise<void> {
    return this.#inTurn(async () => {
      await rm(this.#folder, { recursive: true, force: true });
      this.#size = undefined;
    });
  }

  async #view({ instance, follow }: LogQuery): Promise<{ segments: Segment[]; subscription?: Subscription }> {
    const segments = await this.#openSegments();
    if (!follow) return { segments };
    const subscription = new Subscription({ instance });
    this.#subscriptions.add(subscription);
    return { segments, subscription };
  }

  async #trimSegment(path: string, before: Date): Promise<void> {
    const segment = await openSegment(path);
    if (!segment) return;
    try {
      const start = await offsetSince(segment, this.#function, before);
      if (start >= segment.size) await rm(path);
      else if (start > 0) await keepFrom(segment, start, path);
    } finally {
      await segment.file.close();
    }
  }

  async #openSegments(): Promise<Segment[]> {
    const opened = [await openSegment(this.#path('previous')), await openSegment(this.#path('current'))];
    return opened.filter((segment) => segment !== undefined);
  }

  async #write(records: Buffer): Promise<void> {
    try {
      this.#size ??= await this.#prepare();
      if (this.#size >= this.#maxBytes / 2) {
        await rename(this.#path('current'), this.#path('previous'));
        this.#size = 0;
      }
      await appendFile(this.#path('current'), records, { mode: 0o600 });
      this.#size += records.length;
    } catch (error) {
      this.#size = undefined;
      throw error;
    }
  }

  /** Makes the folder, ends a line that a full disk or the end of the process has torn, and answers current.log's size. */
  async #prepare(): Promise<number> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await using file = await open(this.#path('current'), 'a+', 0o600);
    const { size } = await file.stat();
    if (size === 0) return 0;
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
    if (buffer.toString() === '\n') return size;
    await file.write('\n');
    return size + 1;
  }

  #path(segment: 'previous' | 'current'): string {
    return join(this.#folder, `${segment}.log`);
  }
}

async function closeAll(segments: Segment[]): Promise<void> {
  await Promise.all(segments.map(({ file }) => file.close()));
}
