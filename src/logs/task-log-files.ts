import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FunctionName, TaskStdio } from './log-line.ts';

export interface TaskLogPaths extends TaskStdio {
  /** Where the progress is saved. */
  progress: string;
}

/** Whose a task's files are, and up to where they have been handed over, in bytes. */
export interface Progress extends FunctionName {
  stdout: number;
  stderr: number;
}

export interface SavedProgress extends Progress {
  savedAt: Date;
}

/** One size, so that a newer progress covers an older one in a single write within a block. */
const progressBytes = 1024;

export function taskLogPaths(dir: string, id: string): TaskLogPaths {
  return {
    stdout: join(dir, 'tasks', `${id}.stdout`),
    stderr: join(dir, 'tasks', `${id}.stderr`),
    progress: join(dir, 'progress', `${id}.json`),
  };
}

export async function removeTaskFiles({ stdout, stderr, progress }: TaskLogPaths): Promise<void> {
  // The progress says whose the files are, so it goes last.
  for (const path of [stdout, stderr, progress]) await rm(path, { force: true });
}

export function formatProgress(progress: Progress): string {
  return JSON.stringify(progress).padEnd(progressBytes);
}

/** Undefined where there is none, or what a power cut made of it: reading then begins at the front. */
export async function readProgress(path: string): Promise<SavedProgress | undefined> {
  try {
    await using file = await open(path, 'r');
    const progress: unknown = JSON.parse(await file.readFile('utf8'));
    return isProgress(progress) ? { ...progress, savedAt: (await file.stat()).mtime } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error instanceof Error && 'code' in error && error.code === 'ENOENT'))
      return undefined;
    throw error;
  }
}

function isProgress(value: unknown): value is Progress {
  if (typeof value !== 'object' || value === null) return false;
  const { name, namespace, stdout, stderr } = value as Partial<Progress>;
  const offsets = [stdout, stderr].every((offset) => Number.isSafeInteger(offset));
  return offsets && typeof name === 'string' && typeof namespace === 'string';
}
