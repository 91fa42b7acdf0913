import { open, type FileHandle } from 'node:fs/promises';
import pLimit from 'p-limit';
import { absentAs } from '../base/absent-file.ts';
import { isDiskFull } from '../base/disk-full.ts';
import { writeDurably } from '../base/durable-file.ts';
import type { ReadMark } from './log-record.ts';
import { TaskFile } from './task-file.ts';
import { formatProgress, readProgress, type Progress, type TaskLogPaths } from './task-log-files.ts';
import type { LogReplica } from './log-line.ts';

type TaskFiles = Record<ReadMark['stream'], TaskFile>;

const streams = ['stdout', 'stderr'] as const;

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
  readonly #files: TaskFiles;
  readonly #progressPath: string;
  #progress?: FileHandle;
  readonly #sink: LineSink;
  readonly #limit = pLimit(1);
  #isClosed = false;

  private constructor(replica: LogReplica, files: TaskFiles, progressPath: string, sink: LineSink) {
    this.replica = replica;
    this.#files = files;
    this.#progressPath = progressPath;
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
    const log = new TaskLog(replica, { stdout, stderr }, paths.progress, sink);
    await log.#saveProgress({ name, namespace, ...offsets });
    opened.move();
    return log;
  }

  get hasPartialLine(): boolean {
    return streams.some((stream) => this.#files[stream].hasPartialLine);
  }

  /** Hands over what one read of each file gives; true when there is more. */
  drainSome(buffer: Buffer): Promise<boolean> {
    return this.#inTurn(false, async () => {
      let isMore = false;
      for (const stream of streams) {
        const { lines, more } = await this.#files[stream].read(buffer);
        await this.#handOver(stream, lines);
        isMore ||= more;
      }
      return isMore;
    });
  }

  /** Hands over what there is of lines that have no end yet. */
  flush(): Promise<void> {
    return this.#inTurn(undefined, async () => {
      for (const stream of streams) await this.#handOver(stream, this.#files[stream].flush());
    });
  }

  /** Gives the disk space of what was handed over back. */
  reclaim(): Promise<void> {
    return this.#inTurn(undefined, async () => {
      for (const stream of streams) await this.#files[stream].reclaim();
    });
  }

  /** Closes the files; what is called later does nothing. */
  close(): Promise<void> {
    return this.#inTurn(undefined, async () => {
      this.#isClosed = true;
      await Promise.all([...Object.values(this.#files), this.#progress].map(async (file) => file?.close()));
    });
  }

  async #handOver(stream: ReadMark['stream'], lines: string[]): Promise<void> {
    if (lines.length === 0) return;
    const { stdout, stderr } = this.#files;
    await this.#sink.take(this.replica, lines, { stream, offset: this.#files[stream].offset });
    const { name, namespace } = this.replica;
    const progress = { name, namespace, stdout: stdout.offset, stderr: stderr.offset };
    await this.#saveProgress(progress);
  }

  /** On a full disk it stays as it was: the marks in the history, or else lines that come twice, make up for it. */
  async #saveProgress(progress: Progress): Promise<void> {
    try {
      this.#progress ??= await openProgress(this.#progressPath, progress);
      await this.#progress.write(formatProgress(progress), 0);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    }
  }

  #inTurn<T>(closed: T, work: () => Promise<T>): Promise<T> {
    return this.#limit(() => (this.#isClosed ? closed : work()));
  }
}

async function openProgress(path: string, progress: Progress): Promise<FileHandle> {
  const known = await open(path, 'r+').catch(absentAs(undefined));
  if (known) return known;
  await writeDurably(path, formatProgress(progress), { fsync: false });
  return open(path, 'r+');
}

function offsetsOf(saved: Progress, marks: ReadMark[]): { stdout: number; stderr: number } {
  const furthest = (stream: ReadMark['stream']) =>
    Math.max(saved[stream], ...marks.filter((mark) => mark.stream === stream).map(({ offset }) => offset));
  return { stdout: furthest('stdout'), stderr: furthest('stderr') };
}
