/** Files that are either the old or the new ones after a crash or a power cut, never something between. */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface DurableWriteOptions {
  /** Permission bits of the file, 0600 unless set. */
  mode?: number;
  /** False where it is no harm that a power cut leaves an empty file, as XFS may; no crash of ours leaves one. */
  fsync?: boolean;
  /** Fail with EEXIST where the file is already there, also when two callers race. */
  exclusive?: boolean;
}

const temporaryPrefix = '.tmp-';

/** Writes `data` beside `path` and then puts it in place in one step. The folder must be there. */
export async function writeDurably(
  path: string,
  data: Buffer | string,
  options: DurableWriteOptions = {},
): Promise<void> {
  const { mode = 0o600, fsync = true, exclusive = false } = options;
  const folder = dirname(path);
  const temporary = join(folder, temporaryPrefix + randomBytes(8).toString('hex'));
  try {
    await writeNew(temporary, data, mode, fsync);
    await (exclusive ? link(temporary, path) : rename(temporary, path));
  } finally {
    await rm(temporary, { force: true });
  }
  if (fsync) await syncFolder(folder);
}

/** A file that is written, beside where it is to be. */
export interface StagedFile {
  /** Puts it in its place, in one step. */
  commit(): Promise<void>;
  /** Removes it, unless it is in its place. */
  drop(): Promise<void>;
}

/** Does the first half of `writeDurably`, so that several files are in their places only once all are written. */
export async function stageDurably(path: string, data: Buffer, mode: number): Promise<StagedFile> {
  const temporary = join(dirname(path), temporaryPrefix + randomBytes(8).toString('hex'));
  const drop = () => rm(temporary, { force: true });
  try {
    await writeNew(temporary, data, mode, true);
  } catch (error) {
    await drop();
    throw error;
  }
  const commit = async () => {
    await rename(temporary, path);
    await syncFolder(dirname(path));
  };
  return { commit, drop };
}

/** Removes a file for good; rejects with ENOENT where there is none. */
export async function removeDurably(path: string): Promise<void> {
  await rm(path);
  await syncFolder(dirname(path));
}

/** Makes a folder and its missing parents, 0700 unless set, so that their names survive a power cut. */
export async function makeFolderDurably(path: string, mode = 0o700): Promise<void> {
  const firstMade = await mkdir(path, { recursive: true, mode });
  if (firstMade === undefined) return;
  for (let made = path; made.length >= firstMade.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** Removes what a crash in the middle of writeDurably left in a folder. Only at start, before the first write. */
export async function sweepTemporaryFiles(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true });
  const left = entries.filter((entry) => entry.isFile() && entry.name.startsWith(temporaryPrefix));
  await Promise.all(left.map(({ name }) => rm(join(folder, name), { force: true })));
}

async function writeNew(path: string, data: Buffer | string, mode: number, fsync: boolean): Promise<void> {
  await using file = await open(path, 'wx', mode);
  await file.writeFile(data);
  if (fsync) await file.sync();
}

/** Makes what was made, renamed and removed in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r');
  await folder.sync();
}
