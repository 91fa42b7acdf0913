import { chmod, chown, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Mount } from '../../../containerd/index.ts';
import { followLayered, type LayeredPath } from './layered-files.ts';

const tmp = '/tmp';
const tmpMode = 0o1777;

/** Where other file systems are mounted. */
const kernelFolders = ['proc', 'sys', 'dev'];

/**
 * Prepares the folders that stay writable under a read-only root: /tmp, for every user, and the volumes of the image with
 * what it has there. They are part of the replica's own snapshot: what is written to them is on disk, counts as the
 * replica's, and goes with it.
 * @param mounts the replica's root file system, which is not mounted yet
 * @returns their paths, none of them within another, without symbolic links
 */
export async function prepareWritableFolders(mounts: Mount[], volumes: string[]): Promise<string[]> {
  const writable: string[] = [];
  for (const volume of [tmp, ...volumes]) {
    const target = await followLayered(mounts, volume);
    const [top] = target.names;
    // As in Docker a volume is a folder, and not the root.
    if (target.file || top === undefined || kernelFolders.includes(top)) continue;
    const isThere = target.folders.at(-1)?.length !== 0;
    if (volume === tmp) await chmod(await makeFolder(target), tmpMode);
    else if (!isThere) await makeFolder(target);
    writable.push(`/${target.names.join('/')}`);
  }
  return writable.filter((path) => !writable.some((other) => path.startsWith(`${other}/`)));
}

/** Makes a folder in the topmost layer, and those above it, like those that they cover in the layers below. */
async function makeFolder({ names, folders }: LayeredPath): Promise<string> {
  const [[root = ''] = []] = folders;
  let path = root;
  for (const [i, name] of names.entries()) {
    path = join(path, name);
    const below = folders[i + 1]?.[0];
    if (below === path) continue;
    await mkdir(path);
    if (below === undefined) continue;
    const { uid, gid, mode } = await stat(below);
    await chown(path, uid, gid);
    await chmod(path, mode & 0o7777);
  }
  return path;
}
