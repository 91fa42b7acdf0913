import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode } from '../../base/absent-file.ts';
import type { HostPlace } from './host-places.ts';
import type { ArchivedFile } from './tar-archive.ts';

/** A file of the host, and a text that is another one once it has changed. */
interface FoundFile extends ArchivedFile {
  stamp: string;
}

const tries = 50;
const pauseMs = 100;

/**
 * Reads all files of these places, as they were at one moment: again until nothing changes meanwhile, as a daemon writes to them.
 * @throws Error where they change all the time, or cannot be read
 */
export async function readHost(places: HostPlace[]): Promise<ArchivedFile[]> {
  let before = await readAll(places);
  for (let left = tries; left > 0; left--) {
    const now = await readAll(places);
    if (stampOf(now) === stampOf(before)) return now.map(({ name, mode, content }) => ({ name, mode, content }));
    before = now;
    await sleep(pauseMs);
  }
  throw new Error('what is stored changes all the time: try again when fewer functions are deployed and scaled');
}

function stampOf(files: FoundFile[]): string {
  return files.map(({ name, stamp }) => `${name} ${stamp}`).join('\n');
}

async function readAll(places: HostPlace[]): Promise<FoundFile[]> {
  const files: FoundFile[] = [];
  for (const place of places) {
    const inside = place.files ? (await filesIn(place)).filter((name) => place.files?.test(name)).sort() : [''];
    for (const name of inside) {
      const found = await readFound(path.join(place.path, name));
      if (found) files.push({ name: [place.name, name].filter(Boolean).join('/'), ...found });
    }
  }
  return files;
}

async function filesIn({ path: folder, hasLinks = false }: HostPlace): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(unlessGone([]));
  return entries
    .filter((entry) => entry.isFile() || (hasLinks && entry.isSymbolicLink()))
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
}

/** Returns undefined for what is gone by now, or was never there. */
async function readFound(file: string): Promise<Omit<FoundFile, 'name'> | undefined> {
  try {
    // Opening a pipe would wait for whoever writes to it.
    await using opened = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const found = await opened.stat({ bigint: true });
    // What a link leads to may be a folder.
    if (!found.isFile()) return undefined;
    const { ino, mtimeNs, size, mode } = found;
    const content = await opened.readFile();
    return { mode: Number(mode) & 0o777, content, stamp: `${ino} ${mtimeNs} ${size}` };
  } catch (cause) {
    if (hasCode(cause, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw new Error(`${file} cannot be read`, { cause });
  }
}

function unlessGone<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return value;
    throw error;
  };
}
