import { open, type FileHandle } from 'node:fs/promises';
import pLimit from 'p-limit';
import { writeDurably } from '../base/durable-file.ts';
import type { ReadMark } from './log-record.ts';
import { TaskFile } from './task-file.ts';
import { formatProgress, readProgress, type Progress, type TaskLogPaths } from './task-log-files.ts';
import type { LogReplica } from './log-line.ts';

/** Takes the lines of tasks. */
export interface LineSink {
  /** Takes lines that a task has written and keeps them together with the mark. Never rejects. */
  take(replica: LogReplica, lines: string[], mark: ReadMark): Promise<void>;
  /** Answers the marks of a replica that were kept from a moment on. */
  readMarks(replica: LogReplica, since: Date): Promise<ReadMark[]>;
}

/**
 * Both streams of one task. Lines are handed over before the progress is saved; where this process is killed between the
 * two, its successor finds the mark that was kept with the lines, so that nothing is lost and nothing comes twice.
 */
export class TaskLog {
  readonly replica: LogReplica;
  readonly #stdout: TaskFile;
  readonly #stderr: TaskFile;
  readonly #progress: FileHandle;
  readonly #sink: LineSink;
  readonly #limit = pLimit(1);
  #isClosed = false;

  private constructor(
    replica: LogReplica,
    [stdout, stderr]: [TaskFile, TaskFile],
    progress: FileHandle,
    sink: LineSink,
  ) {
    this.replica = replica;
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#progress = progress;
    this.#sink = sink;
  }

  /** Opens a task's files and goes on where an earlier process stopped. Rejects with ENOENT where there are none. */
  static async open(replica: LogReplica, paths: TaskLogPaths, sink: LineSink): Promise<TaskLog> {
    const { name, namespace } = replica;
    const saved = await readProgress(paths.progress);
    const offsets = saved ? offsetsOf(saved, await sink.readMarks(replica, saved.savedAt)) : { stdout: 0, stderr: 0 };
    await using opened = new AsyncDisposableStack();
    const stdout = opened.adopt(await TaskFile.open(paths.stdout, offsets.stdout), (file) => file.close());
    const stderr = opened.adopt(await TaskFile.open(paths.stderr, offsets.stderr), (file) => file.close());
    if (!saved) await writeDurably(paths.progress, formatProgress({ name, namespace, ...offsets }), { fsync: false });
    const progressFile = await open(paths.progress, 'r+');
    opened.move();
    return new TaskLog(replica, [stdout, stderr], progressFile, sink);
  }

  get hasPartialLine(): boolean {
    return this.#stdout.hasPartialLine || this.#stderr.hasPartialLine;
  }

  /** Hands over what one read of each file gives; true when there is more. */
  drainSome(buffer: Buffer): Promise<boolean> {
    return this.#inTurn(false, async () => {
      const more = await this.#drainFile('stdout', this.#stdout, buffer);
      return (await this.#drainFile('stderr', this.#stderr, buffer)) || more;
    });
  }

  /** Hands over what there is of lines that have no end yet. */
  flush(): Promise<void> {
    return this.#inTurn(undefined, async () => {
      await this.#handOver('stdout', this.#stdout.flush());
      await this.#handOver('stderr', this.#stderr.flush());
    });
  }

  /** Gives the disk space of what was handed over back. */
  reclaim(): Promise<void> {
    return this.#inTurn(undefined, async () => {
      await this.#stdout.reclaim();
      await this.#stderr.reclaim();
    });
  }

  /** Closes the files; what is called later does nothing. */
  close(): Promise<void> {
    return this.#inTurn(undefined, async () => {
      this.#isClosed = true;
      await Promise.all([this.#stdout.close(), this.#stderr.close(), this.#progress.close()]);
    });
  }

  async #drainFile(stream: ReadMark['stream'], file: TaskFile, buffer: Buffer): Promise<boolean> {
    const { lines, more } = await file.read(buffer);
    await this.#handOver(stream, lines);
    return more;
  }

  async #handOver(stream: ReadMark['stream'], lines: string[]): Promise<void> {
    if (lines.length === 0) return;
    const { offset } = stream === 'stdout' ? this.#stdout : this.#stderr;
    await this.#sink.take(this.replica, lines, { stream, offset });
    const { name, namespace } = this.replica;
    const progress = { name, namespace, stdout: this.#stdout.offset, stderr: this.#stderr.offset };
    await this.#progress.write(formatProgress(progress), 0);
  }

  #inTurn<T>(closed: T, work: () => Promise<T>): Promise<T> {
    return this.#limit(() => (this.#isClosed ? closed : work()));
  }
}

function offsetsOf(saved: Progress, marks: ReadMark[]): { stdout: number; stderr: number } {
  const furthest = (stream: ReadMark['stream']) =>
    Math.max(saved[stream], ...marks.filter((mark) => mark.stream === stream).map(({ offset }) => offset));
  return { stdout: furthest('stdout'), stderr: furthest('stderr') };
}
