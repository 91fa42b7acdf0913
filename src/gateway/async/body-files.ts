import { createReadStream } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { makeFolderDurably, syncFolder } from '../../base/durable-file.ts';
import type { StoredBody } from './stored-call.ts';

/** A body with no more goes with the record of its call: no file has to be made and synced for it. */
const shortBytes = 8 * 1024;

/** The bodies of an embedded queue: long ones are in a file each. */
export class BodyFiles {
  readonly #folder: string;
  readonly #prefix: string;
  #written = 0;
  /** Makes durable what was put into the folder before it began; it has not begun. */
  #nextSync?: Promise<void>;
  #lastSync: Promise<void> = Promise.resolve();

  /** @param prefix starts the names of the files of this process */
  constructor(folder: string, prefix: string) {
    this.#folder = folder;
    this.#prefix = prefix;
  }

  /**
   * Writes a body as it comes, durably. A stream is left open when that fails, as its sender may have to be answered.
   * @param admit is told how many bytes there are so far, and throws when that is too many
   */
  async write(body: Readable | Buffer, admit: (bytes: number) => void): Promise<StoredBody> {
    const short: Buffer[] = [];
    let bytes = 0;
    let file: NewFile | undefined;
    try {
      for await (const chunk of chunksOf(body)) {
        bytes += chunk.length;
        admit(bytes);
        if (bytes <= shortBytes) short.push(chunk);
        else await (file ??= await this.#begin(short)).handle.appendFile(chunk);
      }
      if (!file) return { bytes, short: Buffer.concat(short) };
      await file.handle.datasync();
      await file.handle.close();
      await this.#syncFolder();
      return { bytes, file: file.file };
    } catch (error) {
      await file?.handle.close().catch(() => {});
      if (file) await this.remove(file);
      throw error;
    }
  }

  async remove({ file }: Pick<StoredBody, 'file'>): Promise<void> {
    if (file !== undefined) await rm(join(this.#folder, file), { force: true });
  }

  read({ file, short = Buffer.alloc(0) }: StoredBody): Readable {
    return file === undefined
      ? Readable.from([short], { objectMode: false })
      : createReadStream(join(this.#folder, file));
  }

  async #begin(first: Buffer[]): Promise<NewFile> {
    await makeFolderDurably(this.#folder);
    const file = `${this.#prefix}-${this.#written++}`;
    const handle = await open(join(this.#folder, file), 'wx', 0o600);
    await handle.appendFile(Buffer.concat(first));
    return { file, handle };
  }

  /** Syncs the folder; those who ask while it is synced share the next time. */
  async #syncFolder(): Promise<void> {
    this.#nextSync ??= this.#lastSync.then(() => {
      this.#nextSync = undefined;
      const sync = syncFolder(this.#folder);
      this.#lastSync = sync.catch(() => {});
      return sync;
    });
    return this.#nextSync;
  }
}

interface NewFile {
  file: string;
  handle: FileHandle;
}

async function* chunksOf(body: Readable | Buffer): AsyncIterable<Buffer> {
  if (Buffer.isBuffer(body)) yield body;
  else for await (const chunk of body.iterator({ destroyOnReturn: false })) yield chunk as Buffer;
}
