import { constants, type Stats } from 'node:fs';
import { lstat, open, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { absentAs } from '../../../base/absent-file.ts';
import type { Mount } from '../../../containerd/index.ts';
import { StartError } from '../start-error.ts';

/** How many symbolic links the kernel follows in one path (path_resolution(7)). */
const maxSymlinks = 40;
const maxFileBytes = 16 * 1024 * 1024;

/** The folders that show as one in the image, topmost layer first; none where the image has no such folder. */
type LayeredFolder = string[];

/** Where a path in an unmounted image leads. */
export interface LayeredPath {
  /** The same path without symbolic links: the names of its folders, and of its file. */
  names: string[];
  /** The root of the image, and the folder of each name. */
  folders: LayeredFolder[];
  /** The file of the host that the path leads to, of any kind but a folder. */
  file?: { path: string; stats: Stats };
}

/** Reads a file of an unmounted image, e.g. `/etc/passwd`; undefined when the image has no such file. */
export async function readLayeredFile(mounts: Mount[], path: string): Promise<string | undefined> {
  const file = await findLayeredFile(mounts, path);
  return file === undefined ? undefined : readRegularFile(file, path);
}

/** Finds where the host has a regular file of an unmounted image; undefined when the image has no such file. */
export async function findLayeredFile(mounts: Mount[], path: string): Promise<string | undefined> {
  const { file } = await followLayered(mounts, path);
  return file?.stats.isFile() ? file.path : undefined;
}

/**
 * Follows a path within an unmounted image; what is not there counts as folders without layers. Absolute symbolic links
 * and `..` start at, and stop at, the image's root. The overlay's deletions (a character device 0:0) are honoured; a folder
 * that an upper layer replaced whole shows through, for its mark is an extended attribute, which Node cannot read.
 */
export async function followLayered(mounts: Mount[], path: string): Promise<LayeredPath> {
  const folders: LayeredFolder[] = [layersOf(mounts)];
  const found: string[] = [];
  const names = path.split('/');
  let symlinks = 0;
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      found.pop();
      if (folders.length > 1) folders.pop();
      continue;
    }
    const entry = (await lookUp(folders.at(-1) ?? [], name)) ?? { folder: [] };
    if ('folder' in entry) {
      folders.push(entry.folder);
      found.push(name);
    } else if (entry.stats.isSymbolicLink()) {
      if (++symlinks > maxSymlinks) throw new StartError('invalid', `${path} in the image is a loop of symbolic links`);
      const link = await readlink(entry.path);
      names.unshift(...link.split('/'));
      if (link.startsWith('/')) [folders.length, found.length] = [1, 0];
    } else {
      // Nothing is below a file.
      return names.length === 0 ? { names: [...found, name], folders, file: entry } : { names: [], folders: [[]] };
    }
  }
  return { names: found, folders };
}

function layersOf(mounts: Mount[]): LayeredFolder {
  const [mount] = mounts;
  if (mounts.length === 1 && mount?.type === 'bind') return [mount.source];
  const lower = mounts.length === 1 && mount ? option(mount, 'lowerdir') : [];
  // Of type overlay, or of one of its like such as fuse3.fuse-overlayfs.
  if (mount && lower.length > 0) return [...option(mount, 'upperdir'), ...lower.flatMap((dirs) => dirs.split(':'))];
  const types = mounts.map(({ type }) => type).join(', ') || 'none';
  throw new Error(`snapshot has mounts of type ${types}: berth reads one of type bind or overlay, use overlayfs`);
}

function option({ options }: Mount, name: string): string[] {
  const found = options.find((entry) => entry.startsWith(`${name}=`));
  return found === undefined ? [] : [found.slice(name.length + 1)];
}

async function lookUp(
  folder: LayeredFolder,
  name: string,
): Promise<{ folder: LayeredFolder } | { path: string; stats: Stats } | undefined> {
  const merged: LayeredFolder = [];
  for (const layer of folder) {
    const path = join(layer, name);
    const stats = await lstat(path).catch(absentAs(undefined));
    if (stats === undefined) continue;
    if (!stats.isDirectory()) {
      // Anything but a folder hides what is below it, and is itself hidden by a folder above it.
      return merged.length > 0 ? { folder: merged } : isDeletion(stats) ? undefined : { path, stats };
    }
    merged.push(path);
  }
  return merged.length > 0 ? { folder: merged } : undefined;
}

function isDeletion(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0;
}

async function readRegularFile(path: string, imagePath: string): Promise<string> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  const { size } = await file.stat();
  if (size > maxFileBytes) throw new StartError('invalid', `${imagePath} in the image is ${size} bytes: 16Mi at most`);
  return file.readFile('utf8');
}
