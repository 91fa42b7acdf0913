import { access, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { diskFullOf } from '../../../base/disk-full.ts';
import { absentAs } from '../../../base/absent-file.ts';
import type { Host } from './host.ts';

/**
 * Returns the path of the folder that says that the start of a replica's task was asked for. It is under /run, so that a
 * reboot takes both.
 *
 * containerd gives up a start whose asker goes away, be it itself or us, in whatever moment. To its knowledge the task
 * is then still only created, though its process may run; runc would wait for ever to start that once more.
 */
function markOf(host: Host, id: string): string {
  return path.join(host.replicaFilesDir, id, 'start-asked');
}

/** A folder, as one call of the system makes it. */
export async function markStart(host: Host, id: string): Promise<void> {
  await mkdir(markOf(host, id), { recursive: true }).catch(diskFullOf('run_dir'));
}

/** Removes the mark, before a new task is made. */
export async function clearStartMark(host: Host, id: string): Promise<void> {
  await rm(markOf(host, id), { recursive: true, force: true });
}

export function isStartMarked(host: Host, id: string): Promise<boolean> {
  return access(markOf(host, id)).then(() => true, absentAs(false));
}
