import type { StatsFs } from 'node:fs';
import { statfs } from 'node:fs/promises';
import path from 'node:path';
import { absentAs, hasCode } from './absent-file.ts';

/** What a user wants could not be stored for want of room; the message names the setting, and no path. */
export class DiskFullError extends Error {
  override name = 'DiskFullError';

  /** @param setting names the folder on the full disk, such as `data_dir`, or whose disk it is */
  constructor(setting: string, options: { cause?: unknown } = {}) {
    super(`the disk of ${setting} is full: make room there and try again`, options);
  }
}

/** A disk with less is full. */
const leastBytes = 1024 * 1024;

/** With more of both nobody fills a disk in ten seconds. */
const ample = { bytes: 4 * 1024 ** 3, inodes: 200_000 };

/** Root has a reserve on some file systems, functions are mostly others. */
type Whose = 'root' | 'functions';

/** What is left on a disk. */
export interface RoomLeft {
  /** No room is left, or no inode. */
  isFull: boolean;
  /** There is so much that it is not full ten seconds later. */
  isAmple: boolean;
}

/** Looks at the room on the disk of a folder. One that is not there yet counts as where it will be. */
export async function roomOn(folder: string, whose: Whose = 'root'): Promise<RoomLeft> {
  const { bfree, bavail, bsize, files, ffree } = await diskOf(folder);
  const bytes = (whose === 'root' ? bfree : bavail) * bsize;
  // Some file systems make inodes as they need them, and tell of none.
  const inodes = files > 0 ? ffree : Infinity;
  return { isFull: bytes < leastBytes || inodes === 0, isAmple: bytes > ample.bytes && inodes > ample.inodes };
}

/** Says whether the disk of a folder is full. */
export async function isFull(folder: string): Promise<boolean> {
  return (await roomOn(folder)).isFull;
}

/** Reads what is free on the disk of a folder; one that is not there yet counts as where it will be. */
export async function diskOf(folder: string): Promise<StatsFs> {
  const parent = path.dirname(folder);
  if (parent === folder) return statfs(folder);
  return (await statfs(folder).catch(absentAs(undefined))) ?? diskOf(parent);
}

/** Says whether an error came of a full disk or of a quota that is used up. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof DiskFullError || hasCode(error, 'ENOSPC', 'EDQUOT');
}

/**
 * Makes a handler for `catch` on file operations: where the disk is full it says so by the setting; it throws other errors on.
 * @param setting names the folder on that disk, such as `data_dir`
 */
export function diskFullOf(setting: string): (error: unknown) => never {
  return (error) => {
    throw isDiskFull(error) ? new DiskFullError(setting, { cause: error }) : error;
  };
}
