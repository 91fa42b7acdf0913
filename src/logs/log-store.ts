import { chmod, mkdir, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../base/log.ts';
import { DrainQueue } from './drain-queue.ts';
import { History } from './history.ts';
import { Journal } from './journal.ts';
import { pathSegment } from './log-error.ts';
import type { ReadMark } from './log-record.ts';
import { expiredHistories, keptHistories } from './retention.ts';
import { TaskLog } from './task-log.ts';
import { readProgress, removeTaskFiles, taskLogPaths, type TaskLogPaths } from './task-log-files.ts';
import { TaskWatcher } from './task-watcher.ts';
import type { FunctionName, LogLine, LogQuery, LogReplica, TaskStdio } from './log-line.ts';

const mebibyte = 1024 * 1024;
const sweepMs = 60 * 60_000;
/** How long a line without an end may wait for it. */
const partialLineMs = 1_000;
const priorities: Record<ReadMark['stream'], number> = { stdout: 6, stderr: 3 };

export interface LogStoreOptions {
  /** Task files, progress and histories; on disk, such as /var/log/berth. */
  dir: string;
  log: Log;
  /** journald's stream socket; without one lines are kept in the histories alone. */
  journalSocket?: string;
  /** What is kept of each function's lines, 4 MiB unless set. */
  historyBytes?: number;
  /** What is kept of all functions together, 1 GiB unless set; functions with replicas have their share regardless. */
  totalBytes?: number;
  /** How long the lines of a function without replicas are kept, 7 days unless set. */
  retentionMs?: number;
}

/**
 * Function logs without a process of their own: each task writes to files, which are followed here, kept in a bounded
 * history per function, and forwarded to journald as `NAMESPACE:NAME`. A task goes on writing while this process is away,
 * and what it wrote meanwhile is read on return.
 */
export class LogStore {
  readonly #dir: string;
  readonly #log: Log;
  readonly #historyBytes: number;
  readonly #totalBytes: number;
  readonly #retentionMs: number;
  readonly #journal: Journal;
  readonly #tasks = new Map<string, Promise<TaskLog>>();
  readonly #histories = new Map<string, History>();
  readonly #partialLineTimers = new Map<TaskLog, NodeJS.Timeout>();
  readonly #queue: DrainQueue<TaskLog>;
  readonly #watcher: TaskWatcher;
  readonly #mutedUntil = new Map<string, number>();
  #sweeper?: NodeJS.Timeout;

  constructor({ dir, log, journalSocket = '/run/systemd/journal/stdout', ...limits }: LogStoreOptions) {
    this.#dir = dir;
    this.#log = log;
    this.#historyBytes = limits.historyBytes ?? 4 * mebibyte;
    this.#totalBytes = limits.totalBytes ?? 1024 * mebibyte;
    this.#retentionMs = limits.retentionMs ?? 7 * 24 * 60 * 60_000;
    this.#journal = new Journal({ socketPath: journalSocket, log });
    this.#queue = new DrainQueue<TaskLog>(
      (task) => this.#drained(task),
      (task, error) => this.#warn(task.replica, 'cannot read log files', error),
    );
    this.#watcher = new TaskWatcher({
      folder: join(dir, 'tasks'),
      onChange: (fileName) => this.#wake(fileName.slice(0, fileName.lastIndexOf('.'))),
      onTick: () => [...this.#tasks.keys()].forEach((id) => this.#wake(id)),
      log,
    });
  }

  async start(): Promise<void> {
    for (const folder of ['tasks', 'progress', 'history']) await mkdir(join(this.#dir, folder), { recursive: true });
    await chmod(this.#dir, 0o700);
    this.#watcher.start();
    await this.sweep();
    this.#sweeper = setInterval(() => void this.sweep(), sweepMs);
    this.#sweeper.unref();
  }

  /** Tasks go on; a later start reads on where this one stopped. Ends all followers. */
  async stop(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#watcher.stop();
    await this.#queue.stop();
    for (const timer of this.#partialLineTimers.values()) clearTimeout(timer);
    for (const task of await Promise.all(this.#tasks.values())) await task.close();
    this.#tasks.clear();
    for (const history of this.#histories.values()) history.close();
    this.#journal.close();
  }

  /** Makes a task's files, unless they are there, follows them, and answers what to create the task with. */
  async stdioFor(replica: LogReplica): Promise<TaskStdio> {
    const { stdout, stderr } = this.#paths(replica.id);
    for (const path of [stdout, stderr]) await (await open(path, 'a', 0o600)).close();
    await this.follow(replica);
    // Bare paths of files, because the shim writes both streams to one file where it is given file:// URIs.
    return { stdout, stderr };
  }

  /** Reads what a task writes and goes on where an earlier process stopped. Nothing to do where there are no files. */
  async follow(replica: LogReplica): Promise<void> {
    await this.#taskOf(replica);
    this.#wake(replica.id);
  }

  /** Reads the rest of a task that has ended and was deleted in containerd, and removes its files. */
  async finish(replica: LogReplica): Promise<void> {
    const task = await this.#taskOf(replica);
    this.#tasks.delete(replica.id);
    if (task) await this.#drainAll(task);
    await removeTaskFiles(this.#paths(replica.id));
  }

  /** The replicas that have files here; those that are no more are to be finished. */
  async list(): Promise<LogReplica[]> {
    const files = await readdir(join(this.#dir, 'progress'));
    const replicas = files.map(async (file) => {
      const id = file.replace(/\.json$/, '');
      const progress = await readProgress(this.#paths(id).progress);
      return progress ? [{ id, name: progress.name, namespace: progress.namespace }] : [];
    });
    return (await Promise.all(replicas)).flat();
  }

  /** Whether any lines of the function are kept, as they are for a while after it was removed. */
  async has(name: FunctionName): Promise<boolean> {
    try {
      return (await readdir(this.#historyFolder(name))).length > 0;
    } catch (error) {
      if (hasNoFile(error)) return false;
      throw error;
    }
  }

  /** Kept lines, oldest first, then new ones if asked to follow; ends quietly when the signal aborts. */
  query(query: LogQuery, signal?: AbortSignal): AsyncIterable<LogLine> {
    return this.#historyOf(query).query(query, signal);
  }

  /** Removes the lines of functions that have been gone for long; done at start and every hour. */
  async sweep(): Promise<void> {
    const folder = join(this.#dir, 'history');
    try {
      const limits = { maxAgeMs: this.#retentionMs, maxTotalBytes: this.#totalBytes };
      const live = new Set((await this.list()).map(keyOf));
      const expired = expiredHistories(await keptHistories(folder), limits, (name) => live.has(keyOf(name)));
      for (const name of expired) await this.#historyOf(name).remove();
    } catch (error) {
      this.#log.warn('cannot remove old function logs', { folder, error });
    }
  }

  #taskOf(replica: LogReplica): Promise<TaskLog | undefined> {
    const known = this.#tasks.get(replica.id);
    if (known) return known;
    const opened = TaskLog.open(replica, this.#paths(replica.id), {
      take: (...taken) => this.#take(...taken),
      readMarks: (of, since) => this.#historyOf(of).readMarks(of, since),
    });
    this.#tasks.set(replica.id, opened);
    return opened.catch((error: unknown) => {
      this.#tasks.delete(replica.id);
      if (hasNoFile(error)) return undefined;
      throw error;
    });
  }

  #wake(id: string): void {
    this.#tasks.get(id)?.then(
      (task) => this.#queue.add(task),
      // Told to whoever asked to follow it.
      () => undefined,
    );
  }

  #drained(task: TaskLog): void {
    clearTimeout(this.#partialLineTimers.get(task));
    this.#partialLineTimers.delete(task);
    if (task.hasPartialLine) {
      const flush = () => void this.#attempt(task, 'cannot read log files', task.flush());
      this.#partialLineTimers.set(task, setTimeout(flush, partialLineMs).unref());
    }
    void this.#attempt(task, 'cannot give read log lines back to the disk', task.reclaim());
  }

  async #drainAll(task: TaskLog): Promise<void> {
    const buffer = Buffer.allocUnsafe(64 * 1024);
    while (await task.drainSome(buffer));
    await task.flush();
    await task.close();
    this.#queue.delete(task);
    clearTimeout(this.#partialLineTimers.get(task));
    this.#partialLineTimers.delete(task);
  }

  /** A sink: what it cannot do, such as on a full disk, must not keep the task's files from being drained. */
  async #take(replica: LogReplica, lines: string[], mark: ReadMark): Promise<void> {
    this.#journal.send(`${replica.namespace}:${replica.name}`, priorities[mark.stream], lines);
    const kept = this.#historyOf(replica).append(replica.id, lines, mark);
    await this.#attempt({ replica }, 'cannot keep log lines', kept);
  }

  async #attempt({ replica }: { replica: LogReplica }, problem: string, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#warn(replica, problem, error);
    }
  }

  /** Once a minute for each kind of problem, because it may come with every line. */
  #warn({ name, namespace, id }: LogReplica, problem: string, error: unknown): void {
    if (Date.now() < (this.#mutedUntil.get(problem) ?? 0)) return;
    this.#mutedUntil.set(problem, Date.now() + 60_000);
    this.#log.warn(problem, { function: `${name}.${namespace}`, replica: id, dir: this.#dir, error });
  }

  #historyOf({ name, namespace }: FunctionName): History {
    const key = keyOf({ name, namespace });
    const known = this.#histories.get(key);
    if (known) return known;
    const folder = this.#historyFolder({ name, namespace });
    const history = new History({ folder, function: { name, namespace }, maxBytes: this.#historyBytes });
    this.#histories.set(key, history);
    return history;
  }

  #historyFolder({ name, namespace }: FunctionName): string {
    return join(this.#dir, 'history', pathSegment(namespace), pathSegment(name));
  }

  #paths(id: string): TaskLogPaths {
    return taskLogPaths(this.#dir, pathSegment(id));
  }
}

function keyOf({ name, namespace }: FunctionName): string {
  return `${namespace}/${name}`;
}

function hasNoFile(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
