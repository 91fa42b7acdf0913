import { createWriteStream } from 'node:fs';
import { open, rename, type FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { absentAs } from '../base/absent-file.ts';

const lineFeed = 0x0a;
const blockBytes = 64 * 1024;

/** One file of a history as it was when it was opened: it may be appended to, renamed or removed meanwhile. */
export interface Segment {
  file: FileHandle;
  size: number;
}

/** A record and its place in its file. */
export interface RecordAt {
  record: string;
  /** Where the record begins in the file, in bytes. */
  start: number;
  /** Where the next record begins. */
  end: number;
}

/** Opens one file of a history; undefined where there is no such file. */
export async function openSegment(path: string): Promise<Segment | undefined> {
  const file = await open(path, 'r').catch(absentAs(undefined));
  return file && { file, size: (await file.stat()).size };
}

/** Puts a file in the place of a segment that has only what it has from byte `start` on. */
export async function keepFrom({ file, size }: Segment, start: number, path: string): Promise<void> {
  const rest = file.createReadStream({ start, end: size - 1, autoClose: false });
  await pipeline(rest, createWriteStream(`${path}.tmp`, { mode: 0o600 }));
  await rename(`${path}.tmp`, path);
}

/** Reads the records from byte `start` on, a block in memory at a time. */
export async function* recordsForward({ file, size }: Segment, start: number): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  for (let at = start; at < size; at += blockBytes) {
    const block = Buffer.concat([rest, await readBlock(file, at, Math.min(blockBytes, size - at))]);
    const end = block.lastIndexOf(lineFeed) + 1;
    if (end > 0) yield* block.toString('utf8', 0, end - 1).split('\n');
    rest = block.subarray(end);
  }
}

/** Reads the records from the last to the first, so that the newest few cost little however much is kept. */
export async function* recordsBackward({ file, size }: Segment): AsyncGenerator<RecordAt> {
  let rest = Buffer.alloc(0);
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - blockBytes);
    const block = Buffer.concat([await readBlock(file, start, end - start), rest]);
    let cut = block.length;
    while (cut > 0) {
      const before = cut > 1 ? block.lastIndexOf(lineFeed, cut - 2) : -1;
      // The record may begin in the block before this one.
      if (before === -1 && start > 0) break;
      yield { record: block.toString('utf8', before + 1, cut - 1), start: start + before + 1, end: start + cut };
      cut = before + 1;
    }
    rest = block.subarray(0, cut);
    end = start;
  }
}

async function readBlock(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
