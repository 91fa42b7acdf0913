import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../base/log.ts';
import { Journal } from './journal.ts';
import { LogArchive } from './log-archive.ts';
import { rareWarnings, type WarnOfLines } from './log-warnings.ts';
import { TaskTails } from './task-tails.ts';
import type { LoggedFunction, LogReplica } from './log-line.ts';
import type { ReadMark } from './log-record.ts';

const mebibyte = 1024 * 1024;
const sweepMs = 60 * 60_000;
const priorities: Record<ReadMark['stream'], number> = { stdout: 6, stderr: 3 };

export interface LogStoreOptions {
  /** Task files, progress and histories; on disk, such as /var/log/berth. */
  dir: string;
  log: Log;
  /** journald's stream socket; without one lines are kept in the histories alone. */
  journalSocket?: string;
  /** Lines that one function may send to the journal in 30 s, 10 000 unless set; 0 for no limit. */
  journalLines?: number;
  /** What is kept of each function's lines, 4 MiB unless set. */
  historyBytes?: number;
  /** What is kept of all functions together, 1 GiB unless set; functions with replicas have their share regardless. */
  totalBytes?: number;
  /** How long lines are kept, 7 days unless set; Infinity for ever. */
  retentionMs?: number;
}

/**
 * Function logs without a process of their own: each task writes to files, whose lines `tails` reads; they are kept in
 * `archive` and forwarded to journald as `NAMESPACE:NAME`.
 */
export class LogStore {
  readonly tails: TaskTails;
  readonly archive: LogArchive;
  readonly #dir: string;
  readonly #log: Log;
  readonly #journal: Journal;
  readonly #warn: WarnOfLines;
  #sweeper?: NodeJS.Timeout;

  constructor({ dir, log, journalSocket = '/run/systemd/journal/stdout', ...limits }: LogStoreOptions) {
    this.#dir = dir;
    this.#log = log;
    this.#journal = new Journal({ socketPath: journalSocket, maxLines: limits.journalLines, log });
    this.#warn = rareWarnings(log, dir);
    this.archive = new LogArchive({
      folder: join(dir, 'history'),
      historyBytes: limits.historyBytes ?? 4 * mebibyte,
      maxTotalBytes: limits.totalBytes ?? 1024 * mebibyte,
      maxAgeMs: limits.retentionMs ?? 7 * 24 * 60 * 60_000,
    });
    this.tails = new TaskTails({
      dir,
      sink: { take: (...taken) => this.#take(...taken), readMarks: (...asked) => this.archive.readMarks(...asked) },
      warn: this.#warn,
      log,
    });
  }

  /** Makes the folders, ours private to their owner, and begins to watch and to sweep. */
  async start(): Promise<void> {
    // One that is there may be others' as well, such as /var/log.
    if ((await mkdir(this.#dir, { recursive: true })) !== undefined) await chmod(this.#dir, 0o700);
    await this.archive.start();
    await this.tails.start();
    for (const own of ['history', 'progress', 'tasks']) await chmod(join(this.#dir, own), 0o700);
    await this.sweep();
    this.#sweeper = setInterval(() => void this.sweep(), sweepMs).unref();
  }

  /** Stops reading and ends all followers; tasks write on, and a later start reads on where this one stopped. */
  async stop(): Promise<void> {
    clearInterval(this.#sweeper);
    await this.tails.stop();
    this.archive.stop();
    this.#journal.close();
  }

  /** Removes lines that are too old; done at start and every hour. Never rejects. */
  async sweep(): Promise<void> {
    try {
      const forgotten = await this.archive.sweep(await this.tails.list());
      for (const fn of forgotten) this.#journal.forget(identifierOf(fn));
    } catch (error) {
      this.#log.warn('cannot remove old function logs', { dir: this.#dir, error });
    }
  }

  /** What it cannot do, such as on a full disk, must not keep the task's files from being drained. */
  async #take(replica: LogReplica, lines: string[], mark: ReadMark): Promise<void> {
    this.#journal.send(identifierOf(replica), priorities[mark.stream], lines);
    try {
      await this.archive.append(replica, lines, mark);
    } catch (error) {
      this.#warn('cannot keep log lines', replica, error);
    }
  }
}

function identifierOf({ name, namespace }: LoggedFunction): string {
  return `${namespace}:${name}`;
}
