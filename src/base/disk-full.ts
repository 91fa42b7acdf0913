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

/**
 * Says whether the disk of a folder has no room left, or no inode. One that is not there yet counts as where it will be.
 * @param whose root has a reserve on some file systems, functions are mostly others
 */
export async function isFull(folder: string, whose: 'root' | 'functions' = 'root'): Promise<boolean> {
  const { bfree, bavail, bsize, files, ffree } = await diskOf(folder);
  const free = whose === 'root' ? bfree : bavail;
  return free * bsize < leastBytes || (files > 0 && ffree === 0);
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
