import { readdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { absentAs } from '../../../base/absent-file.ts';
import { run } from '../host-command.ts';

/** The folder in which `ip netns` binds the namespaces that have a name. */
const dir = '/run/netns';

/** The type of a namespace's file system: NSFS_MAGIC of linux/magic.h. */
const nsfsMagic = 0x6e73_6673;

export function netnsPath(name: string): string {
  return join(dir, name);
}

/** Makes a network namespace with `lo` up, as functions talk to 127.0.0.1 and runc sees to its own ones only. */
export async function addNetns(name: string): Promise<void> {
  await run('ip', ['netns', 'add', name]);
  await run('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
}

/** Deletes a network namespace, or the plain file that is left when it is gone; nothing there is fine. */
export async function deleteNetns(name: string): Promise<void> {
  const names = await netnsNames();
  if (names.includes(name)) await run('ip', ['netns', 'delete', name]);
}

/** Whether a network namespace is there, and not the plain file that a reboot or a crash in the middle leaves. */
export async function isNetns(name: string): Promise<boolean> {
  const stats = await statfs(netnsPath(name)).catch(absentAs(undefined));
  return stats?.type === nsfsMagic;
}

export function netnsNames(): Promise<string[]> {
  return readdir(dir).catch(absentAs<string[]>([]));
}

/** Answers the ids in names of ours, each once. */
export function idsOf(names: string[], prefix: string): string[] {
  const ours = names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  return [...new Set(ours)].toSorted();
}
