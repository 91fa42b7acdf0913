import { constants } from 'node:fs';
import { access, mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { absentAs } from '../base/absent-file.ts';
import { diskFullOf } from '../base/disk-full.ts';
import { sweepTemporaryFiles } from '../base/durable-file.ts';
import type { Log } from '../base/log.ts';
import { DrainQueue } from './drain-queue.ts';
import { pathSegment } from './log-error.ts';
import { TaskLog, type LineSink } from './task-log.ts';
import { readProgress, removeTaskFiles, taskLogPaths, type TaskLogPaths } from './task-log-files.ts';
import { TaskWatcher } from './task-watcher.ts';
import type { LogReplica, TaskStdio } from './log-line.ts';
import type { WarnOfLines } from './log-warnings.ts';

/** How long a line without an end may wait for it. */
const partialLineMs = 1_000;
const unreadable = 'cannot read log files';

export interface TaskTailsOptions {
  /** Holds the folders `tasks` and `progress`. */
  dir: string;
  sink: LineSink;
  warn: WarnOfLines;
  log: Log;
}

/**
 * Follows the files that tasks write to and hands their lines to a sink. A task goes on writing while this process is
 * away, and what it wrote meanwhile is read on return.
 */
export class TaskTails {
  readonly #dir: string;
  readonly #sink: LineSink;
  readonly #warn: WarnOfLines;
  readonly #tasks = new Map<string, Promise<TaskLog>>();
  readonly #partialLineTimers = new Map<TaskLog, NodeJS.Timeout>();
  readonly #queue: DrainQueue<TaskLog>;
  readonly #watcher: TaskWatcher;

  constructor({ dir, sink, warn, log }: TaskTailsOptions) {
    this.#dir = dir;
    this.#sink = sink;
    this.#warn = warn;
    this.#queue = new DrainQueue<TaskLog>(
      (task) => this.#drained(task),
      (task, error) => warn(unreadable, task.replica, error),
    );
    this.#watcher = new TaskWatcher({
      folder: join(dir, 'tasks'),
      onChange: (fileName) => this.#wake(fileName.slice(0, fileName.lastIndexOf('.'))),
      onTick: () => [...this.#tasks.keys()].forEach((id) => this.#wake(id)),
      log,
    });
  }

  /** Makes the folders and watches them. Nothing else may be called before it resolves. */
  async start(): Promise<void> {
    await this.#makeFolders();
    await sweepTemporaryFiles(join(this.#dir, 'progress'));
    this.#watcher.start();
  }

  async #makeFolders(): Promise<void> {
    const paths = ['tasks', 'progress'].map((folder) => join(this.#dir, folder));
    const made = await Promise.all(paths.map((path) => mkdir(path, { recursive: true, mode: 0o700 })));
    if (made.some((path) => path !== undefined)) this.#watcher.start();
  }

  /** Stops reading; tasks write on, and a later start reads on where this one stopped. */
  async stop(): Promise<void> {
    this.#watcher.stop();
    await this.#queue.stop();
    for (const timer of this.#partialLineTimers.values()) clearTimeout(timer);
    // One that could not be opened is told to whoever asked to follow it.
    for (const opened of await Promise.allSettled(this.#tasks.values()))
      if (opened.status === 'fulfilled') await opened.value.close();
    this.#tasks.clear();
  }

  /**
   * Makes a task's files, unless they are there, follows them, and answers what to create the task with.
   * @throws DiskFullError when there is no room for them
   */
  async stdioFor(replica: LogReplica): Promise<TaskStdio> {
    const { stdout, stderr } = this.#paths(replica.id);
    // Somebody may have cleared them away.
    const areThere = await Promise.all([stdout, stderr].map(isWritable));
    if (areThere.includes(false)) await this.#makeFiles(replica.id);
    await this.follow(replica);
    // Bare paths of files, because the shim writes both streams to one file where it is given file:// URIs.
    return { stdout, stderr };
  }

  async #makeFiles(id: string): Promise<void> {
    const { stdout, stderr } = this.#paths(id);
    await this.#makeFolders();
    const made = await Promise.all([stdout, stderr].map(makeFile));
    if (made.includes(true)) await this.#forget(id);
  }

  /** Reads what a task writes and goes on where an earlier process stopped. Does nothing where there are no files. */
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

  /** Lists the replicas that have files here; those that are no more are to be finished. */
  async list(): Promise<LogReplica[]> {
    const files = (await readdir(join(this.#dir, 'progress'))).filter((file) => file.endsWith('.json'));
    const replicas = files.map(async (file) => {
      const id = file.replace(/\.json$/, '');
      const progress = await readProgress(this.#paths(id).progress);
      return progress ? [{ id, name: progress.name, namespace: progress.namespace }] : [];
    });
    return (await Promise.all(replicas)).flat();
  }

  /** What somebody cleared away while it was followed is read to its end; what comes is in other files. */
  async #forget(id: string): Promise<void> {
    const task = await this.#tasks.get(id)?.catch(() => undefined);
    this.#tasks.delete(id);
    if (task) await this.#drainAll(task);
    await rm(this.#paths(id).progress, { force: true });
  }

  #taskOf(replica: LogReplica): Promise<TaskLog | undefined> {
    const known = this.#tasks.get(replica.id);
    if (known) return known;
    const opened = TaskLog.open(replica, this.#paths(replica.id), this.#sink);
    this.#tasks.set(replica.id, opened);
    return opened.catch((error: unknown) => {
      this.#tasks.delete(replica.id);
      return absentAs(undefined)(error);
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
    this.#clearPartialLineTimer(task);
    if (task.hasPartialLine) {
      const flush = () => void this.#attempt(task, unreadable, task.flush());
      this.#partialLineTimers.set(task, setTimeout(flush, partialLineMs).unref());
    }
    void this.#attempt(task, 'cannot give the disk space of read log lines back', task.reclaim());
  }

  async #drainAll(task: TaskLog): Promise<void> {
    const buffer = Buffer.allocUnsafe(64 * 1024);
    while (await task.drainSome(buffer));
    await task.flush();
    await task.close();
    this.#queue.delete(task);
    this.#clearPartialLineTimer(task);
  }

  #clearPartialLineTimer(task: TaskLog): void {
    clearTimeout(this.#partialLineTimers.get(task));
    this.#partialLineTimers.delete(task);
  }

  #attempt({ replica }: TaskLog, problem: string, work: Promise<void>): Promise<void> {
    return work.catch((error: unknown) => this.#warn(problem, replica, error));
  }

  #paths(id: string): TaskLogPaths {
    return taskLogPaths(this.#dir, pathSegment(id));
  }
}

function isWritable(path: string): Promise<boolean> {
  return access(path, constants.W_OK).then(
    () => true,
    () => false,
  );
}

/** Makes an empty file; false where there is one that can be written. */
async function makeFile(path: string): Promise<boolean> {
  const made = await open(path, 'ax', 0o600).catch(() => undefined);
  await (made ?? (await open(path, 'a', 0o600).catch(diskFullOf('log_dir')))).close();
  return made !== undefined;
}
