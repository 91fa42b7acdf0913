/** A function's history on disk: a file of fixed size, of which each step's slot is written in place. */
import { constants } from 'node:fs';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasCode } from '../../base/absent-file.ts';
import { writeDurably } from '../../base/durable-file.ts';
import { slotBytes, type HistoryRing } from './history-ring.ts';

/** As long as a slot, so that none lies across two sectors of a disk. The last two tell another form, or order of bytes. */
function headOf({ slots }: HistoryRing): Buffer {
  const head = Buffer.alloc(slotBytes);
  head.write('berth history');
  new Uint32Array(head.buffer, head.byteOffset, slotBytes / 4).set([1, slots], slotBytes / 4 - 2);
  return head;
}

/** Neither a link is followed, nor is a pipe waited for. */
const careful = constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Reads what an earlier process kept; undefined where there is no such file, or one that is not ours.
 * @throws Error of the file system
 */
export async function readRing(path: string, ring: HistoryRing): Promise<Uint8Array | undefined> {
  try {
    await using file = await open(path, constants.O_RDONLY | careful);
    if (!(await isOurs(file, ring))) return undefined;
    const bytes = Buffer.alloc(ring.bytes.length);
    await file.read(bytes, 0, bytes.length, slotBytes);
    return bytes;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ELOOP')) return undefined;
    throw error;
  }
}

/**
 * Writes one step in its place, or the whole file where it is not there yet or not ours.
 * @throws Error of the file system
 */
export async function writeStep(path: string, ring: HistoryRing, step: number): Promise<void> {
  try {
    await using file = await open(path, constants.O_RDWR | careful);
    if (await isOurs(file, ring)) {
      await file.write(ring.slotOf(step), 0, slotBytes, slotBytes * (1 + (step % ring.slots)));
      return;
    }
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ELOOP')) throw error;
  }
  await writeRing(path, ring);
}

/**
 * Writes all steps.
 * @throws Error of the file system
 */
export async function writeRing(path: string, ring: HistoryRing): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  // A power cut may take it: it is what was, and calls do not wait for a disk.
  await writeDurably(path, Buffer.concat([headOf(ring), ring.bytes]), { fsync: false });
}

async function isOurs(file: FileHandle, ring: HistoryRing): Promise<boolean> {
  const found = await file.stat();
  if (!found.isFile() || found.size !== slotBytes + ring.bytes.length) return false;
  const head = Buffer.alloc(slotBytes);
  await file.read(head, 0, slotBytes, 0);
  return head.equals(headOf(ring));
}
