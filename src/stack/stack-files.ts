import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { absentAs } from '../base/absent-file.ts';

/** Says whether a file of a folder is read as a stack: what editors leave while they write has other names. */
function isStackFile(name: string): boolean {
  return /^[^.#~].*\.ya?ml$/.test(name);
}

/**
 * Lists the stack files of a folder, its sub-folders left alone, in the order of their names.
 * @returns undefined where there is no such folder
 */
export async function stackFiles(folder: string): Promise<string[] | undefined> {
  const names = await readdir(folder).catch(absentAs(undefined));
  return names
    ?.filter(isStackFile)
    .sort()
    .map((name) => path.join(folder, name));
}

/** Returns a text that is another one when one of the files has changed, has come or has gone. */
export async function signatureOf(files: string[]): Promise<string> {
  const lines: string[] = [];
  // One after another: each holds a thread of the few that all files share for as long as a network mount hangs.
  for (const file of files) {
    const found = await stat(file, { bigint: true }).catch(() => undefined);
    lines.push([file, found?.ino, found?.size, found?.mtimeNs, found?.ctimeNs].join(' '));
  }
  return lines.join('\n');
}
