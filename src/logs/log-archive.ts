import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { absentAs } from '../base/absent-file.ts';
import { tryEach } from '../base/try-each.ts';
import { History } from './history.ts';
import { pathSegment } from './log-error.ts';
import { expiredHistories, keptHistories, oldestKept, type RetentionLimits } from './retention.ts';
import type { LoggedFunction, LogLine, LogQuery, LogReplica } from './log-line.ts';
import type { ReadMark } from './log-record.ts';

export interface LogArchiveOptions extends RetentionLimits {
  /** Folder of the histories, one below it for each namespace and function. */
  folder: string;
  /** What is kept of each function's lines. */
  historyBytes: number;
}

/** Keeps a bounded history of each function's lines, answers queries from it, and forgets functions that are gone. */
export class LogArchive {
  readonly #options: LogArchiveOptions;
  readonly #histories = new Map<string, History>();

  constructor(options: LogArchiveOptions) {
    this.#options = options;
  }

  /** Makes the folder. Nothing else may be called before it resolves. */
  async start(): Promise<void> {
    await mkdir(this.#options.folder, { recursive: true });
  }

  /** Ends all followers. */
  stop(): void {
    for (const history of this.#histories.values()) history.close();
  }

  /** How many histories have something in memory: those that were used since the last sweep, and those in use. */
  get openHistories(): number {
    return this.#histories.size;
  }

  /** Keeps lines of a replica, and with them how far its file was read. Rejects where they cannot be kept. */
  append(replica: LogReplica, lines: string[], mark: ReadMark): Promise<void> {
    return this.#historyOf(replica).append(replica.id, lines, mark);
  }

  /** Says how far a replica's files were read, by what was kept from `since` on; empty where that is nothing. */
  readMarks(replica: LogReplica, since: Date): Promise<ReadMark[]> {
    return this.#historyOf(replica).readMarks(replica, since);
  }

  /** Says whether any lines of a function are kept, as they are for a while after it was removed. */
  async has(fn: LoggedFunction): Promise<boolean> {
    const files = await readdir(this.#folderOf(fn)).catch(absentAs<string[]>([]));
    return files.length > 0;
  }

  /**
   * Answers kept lines, oldest first, then new ones if asked to follow; ends quietly when the signal aborts.
   * @throws LogError when a name cannot be part of a path
   */
  query(query: LogQuery, signal?: AbortSignal): AsyncIterable<LogLine> {
    this.#folderOf(query);
    return this.#read(query, signal);
  }

  /**
   * Removes lines that are too old from the disk, and all of functions without replicas that are one too many, and takes
   * out of memory every history that nobody uses.
   * @param live functions with replicas, which keep their lines
   * @returns functions whose lines were removed
   */
  async sweep(live: LoggedFunction[]): Promise<LoggedFunction[]> {
    const liveKeys = new Set(live.map(keyOf));
    const kept = await keptHistories(this.#options.folder);
    const expired = expiredHistories(kept, this.#options, (fn) => liveKeys.has(keyOf(fn)));
    const oldest = oldestKept(this.#options);
    const expiredKeys = new Set(expired.map(keyOf));
    await tryEach(kept, (fn) => {
      const history = this.#historyOf(fn);
      return expiredKeys.has(keyOf(fn)) ? history.remove() : history.trim(oldest);
    }).finally(() => this.#forgetIdle());
    return expired;
  }

  #forgetIdle(): void {
    for (const [key, history] of this.#histories) if (history.isIdle) this.#histories.delete(key);
  }

  // Looks the history up only when it is read from: before, a sweep could take it out of memory.
  async *#read(query: LogQuery, signal?: AbortSignal): AsyncGenerator<LogLine, void> {
    yield* this.#historyOf(query).query(query, signal);
  }

  #historyOf(fn: LoggedFunction): History {
    const key = keyOf(fn);
    const known = this.#histories.get(key);
    if (known) return known;
    const history = new History({ folder: this.#folderOf(fn), function: fn, maxBytes: this.#options.historyBytes });
    this.#histories.set(key, history);
    return history;
  }

  #folderOf({ name, namespace }: LoggedFunction): string {
    return join(this.#options.folder, pathSegment(namespace), pathSegment(name));
  }
}

function keyOf({ name, namespace }: LoggedFunction): string {
  return `${namespace}/${name}`;
}
