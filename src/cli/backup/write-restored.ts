import { mkdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { absentAs } from '../../base/absent-file.ts';
import { stageDurably, type StagedFile } from '../../base/durable-file.ts';
import type { RestoredFile } from './plan-restore.ts';

/**
 * Writes all files beside where they belong, and then puts them there: where there is no room for all, nothing has changed.
 * @throws Error of the file system
 */
export async function writeRestored(files: RestoredFile[]): Promise<void> {
  const staged: StagedFile[] = [];
  try {
    for (const { path: file, mode, folderMode, content } of files) {
      await mkdir(path.dirname(file), { recursive: true, mode: folderMode });
      // A link stays one: certbot, to name one, renews nothing where it is none any more.
      const place = await realpath(file).catch(absentAs(file));
      staged.push(await stageDurably(place, content, mode));
    }
    for (const file of staged) await file.commit();
  } finally {
    for (const file of staged) await file.drop();
  }
}
