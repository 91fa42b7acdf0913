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
  const found = await Promise.all(files.map((file) => stat(file, { bigint: true }).catch(() => undefined)));
  return files
    .map((file, i) => [file, found[i]?.ino, found[i]?.size, found[i]?.mtimeNs, found[i]?.ctimeNs].join(' '))
    .join('\n');
}
