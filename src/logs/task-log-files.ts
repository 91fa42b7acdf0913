import { constants } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { absentAs } from '../base/absent-file.ts';
import { parseJson } from '../base/parse-json.ts';
import type { LoggedFunction, TaskStdio } from './log-line.ts';

/** The files of one task. */
export interface TaskLogPaths extends TaskStdio {
  /** File in which the progress is saved. */
  progress: string;
}

/** Says whose a task's files are, and how many bytes of each have been handed over. */
export interface Progress extends LoggedFunction {
  stdout: number;
  stderr: number;
}

/** A progress as it was found on disk. */
export interface SavedProgress extends Progress {
  savedAt: Date;
}

/** One size, so that a newer progress covers an older one in a single write within a block. */
const progressBytes = 1024;

/** Names the files of a task. */
export function taskLogPaths(dir: string, id: string): TaskLogPaths {
  return {
    stdout: join(dir, 'tasks', `${id}.stdout`),
    stderr: join(dir, 'tasks', `${id}.stderr`),
    progress: join(dir, 'progress', `${id}.json`),
  };
}

/** Removes the files of a task; there need not be any. */
export async function removeTaskFiles({ stdout, stderr, progress }: TaskLogPaths): Promise<void> {
  // The progress says whose the files are, so it goes last.
  for (const path of [stdout, stderr, progress]) await rm(path, { force: true });
}

/** Writes a progress as it is on disk. */
export function formatProgress(progress: Progress): string {
  return JSON.stringify(progress).padEnd(progressBytes);
}

/** Reads a saved progress; undefined where a power cut left none, or none to be read: reading then begins at the front. */
export async function readProgress(path: string): Promise<SavedProgress | undefined> {
  // Opening a pipe would wait for whoever writes to it.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(absentAs(undefined));
  const found = await file?.stat();
  if (!file || !found?.isFile()) return undefined;
  const progress = parseJson(await file.readFile('utf8'));
  return isProgress(progress) ? { ...progress, savedAt: found.mtime } : undefined;
}

function isProgress(value: unknown): value is Progress {
  if (typeof value !== 'object' || value === null) return false;
  const { name, namespace, stdout, stderr } = value as Partial<Progress>;
  const offsets = [stdout, stderr].every((offset) => Number.isSafeInteger(offset));
  return offsets && typeof name === 'string' && typeof namespace === 'string';
}
