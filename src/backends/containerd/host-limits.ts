import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { absentAs } from '../../base/absent-file.ts';
import type { Log } from '../../base/log.ts';

/** What nodes of Kubernetes are given by those that run them for others; the kernel's default is 128. */
const inotifyInstances = 8192;
/** From here on a host counts as one whose operator has thought of it. */
const enough = 512;

/**
 * Warns where few programs can watch files: all containers of one user id share a host's inotify instances, of which some
 * runtimes (.NET's) take a dozen each, so that the ninth replica or so crashes at its start.
 * @param root of /proc
 */
export async function warnOfFewInotifyInstances(log: Log, root = '/'): Promise<void> {
  const text = await readFile(join(root, 'proc/sys/fs/inotify/max_user_instances'), 'utf8').catch(absentAs(''));
  const instances = Number(text);
  if (text === '' || instances >= enough) return;
  const setting = `fs.inotify.max_user_instances=${inotifyInstances}`;
  log.warn(`functions may run out of inotify instances, which all of one user id share: sysctl -w ${setting}`, {
    instances,
  });
}
