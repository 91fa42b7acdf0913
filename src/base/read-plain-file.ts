import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** More than anything that we write. */
const mostBytes = 32 * 1024 * 1024;

/**
 * Reads a text file of ours, where something else may be by now.
 * @throws Error of the file system, or one that says it is no file, or too large to be ours
 */
export async function readPlainFile(path: string): Promise<string> {
  // Opening a pipe would wait for whoever writes to it.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const found = await file.stat();
  if (!found.isFile()) throw new Error('it is no file');
  if (found.size > mostBytes) throw new Error(`it has ${found.size} bytes, more than berth writes`);
  return file.readFile('utf8');
}
