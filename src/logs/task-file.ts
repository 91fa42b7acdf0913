import { open, truncate, type FileHandle } from 'node:fs/promises';
import { runProgram } from '../base/run-program.ts';
import { LineSplitter } from './line-splitter.ts';

const pageBytes = 4096;

/** How much one file may take on disk: lines that were read, and lines that wait to be read. */
const reclaimBytes = 1024 * 1024;
const maxWaitingBytes = 16 * 1024 * 1024;
/** How much of the newest is read when more than that waits. */
const keptWaitingBytes = 4 * 1024 * 1024;

/** What one read of a file gave. */
export interface ReadLines {
  lines: string[];
  /** Whether there may be more to read at once. */
  more: boolean;
}

/**
 * The file that one stream of a task is written to by the shim, which opens it for append and may outlive us. Its front
 * is given back to the disk by punching holes, which loses nothing that is appended meanwhile: its size in `ls` grows
 * for as long as the task runs, its blocks in `du` do not.
 */
export class TaskFile {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #splitter = new LineSplitter();
  #readTo: number;
  #reclaimedTo = 0;
  #canPunch = true;

  private constructor(path: string, file: FileHandle, offset: number) {
    this.#path = path;
    this.#file = file;
    this.#readTo = offset;
  }

  /** Opens a file to be read from byte `offset` on. */
  static async open(path: string, offset: number): Promise<TaskFile> {
    return new TaskFile(path, await open(path, 'r'), offset);
  }

  /** Position of the first byte that was not handed over in a line: where a successor begins. */
  get offset(): number {
    return this.#readTo - this.#splitter.heldBytes;
  }

  /** Whether what was read ends in the middle of a line. */
  get hasPartialLine(): boolean {
    return this.#splitter.heldBytes > 0;
  }

  /** Answers the lines that one read completes, through `buffer`. */
  async read(buffer: Buffer): Promise<ReadLines> {
    const skipped = await this.#skipIfFarBehind();
    const isTorn = skipped.length > 0;
    const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, this.#readTo);
    this.#readTo += bytesRead;
    const lines = this.#splitter.push(buffer.subarray(0, bytesRead));
    return { lines: [...skipped, ...lines.slice(isTorn ? 1 : 0)], more: bytesRead === buffer.length };
  }

  /** Answers the partial line as it is. */
  flush(): string[] {
    return this.#splitter.flush();
  }

  /** Gives the disk space of what was read back, once it is worth it. Only after `offset` is saved. */
  async reclaim(): Promise<void> {
    const end = this.offset - (this.offset % pageBytes);
    if (end - this.#reclaimedTo < reclaimBytes) return;
    this.#reclaimedTo = end;
    if (this.#canPunch) await this.#punch(end);
    else await this.#truncateIfRead();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #skipIfFarBehind(): Promise<string[]> {
    const { size } = await this.#file.stat();
    // Somebody, such as logrotate, has truncated it.
    if (size < this.#readTo) this.#jumpTo(0);
    if (size - this.#readTo <= maxWaitingBytes) return [];
    const from = this.offset;
    this.#jumpTo(size - keptWaitingBytes);
    return [`berth: ${this.#readTo - from} bytes left out here, the function writes faster than its lines can be kept`];
  }

  #jumpTo(offset: number): void {
    this.#splitter.reset();
    this.#readTo = offset;
    this.#reclaimedTo = Math.min(this.#reclaimedTo, offset);
  }

  async #punch(end: number): Promise<void> {
    try {
      const args = ['--punch-hole', '--offset', '0', '--length', String(end), this.#path];
      const { exitCode, stderr } = await runProgram('fallocate', { args });
      if (exitCode !== 0) throw new Error(stderr.trim());
    } catch (error) {
      this.#canPunch = false;
      const message = `cannot punch holes into ${this.#path}: install util-linux and use a file system such as ext4, xfs or btrfs; truncating it instead`;
      throw new Error(message, { cause: error });
    }
  }

  /** What is appended between the two calls is lost, so this is only for where holes cannot be punched. */
  async #truncateIfRead(): Promise<void> {
    if ((await this.#file.stat()).size > this.offset) return;
    await truncate(this.#path);
    this.#jumpTo(0);
  }
}
