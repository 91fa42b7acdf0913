import { randomUUID } from 'node:crypto';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';

/** As many bytes stay in memory. */
const mostInMemory = 64 * 1024;

/**
 * The body of an answer, kept until it has gone on: a small one in memory, others in a file that has no name, so that a crash
 * leaves nothing. Of one that is longer than it may be nothing is kept.
 */
export class AnswerBody {
  readonly #folder: string;
  readonly #mostBytes: number;
  #chunks: Buffer[] = [];
  #file?: FileHandle;
  #bytes = 0;

  constructor(folder: string, mostBytes: number) {
    this.#folder = folder;
    this.#mostBytes = mostBytes;
  }

  /** All of it is kept. */
  get isWhole(): boolean {
    return this.#bytes <= this.#mostBytes;
  }

  /** All of it is kept, and in memory. */
  get isInMemory(): boolean {
    return this.isWhole && !this.#file;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async write(chunk: Buffer): Promise<void> {
    this.#bytes += chunk.length;
    if (!this.isWhole) return this.close();
    if (!this.#file && this.#bytes <= mostInMemory) return void this.#chunks.push(chunk);
    this.#file ??= await openUnnamed(this.#folder);
    for (const each of [...this.#chunks.splice(0), chunk]) await this.#file.appendFile(each);
  }

  /** Reads it from the start; any number of times. Empty where it is not whole. */
  read(): Readable | Buffer {
    return this.#file?.createReadStream({ start: 0, autoClose: false }) ?? this.inMemory();
  }

  /** Returns a small one. */
  inMemory(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** Lets go of it. */
  async close(): Promise<void> {
    this.#chunks = [];
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}

async function openUnnamed(folder: string): Promise<FileHandle> {
  const name = path.join(folder, `.answer-${randomUUID()}`);
  const file = await open(name, 'wx+', 0o600);
  await unlink(name);
  return file;
}
