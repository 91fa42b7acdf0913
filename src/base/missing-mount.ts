import { readdir, readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import { absentAs } from './absent-file.ts';

/** Where the system says what it mounts, and what is mounted. */
export const mountTables = { fstab: '/etc/fstab', units: '/etc/systemd/system', mounted: '/proc/self/mountinfo' };

/**
 * Finds the mount point at or above a folder that the host is told to mount and has not mounted: what the folder has until
 * then is not what is meant.
 */
export async function missingMount(folder: string, tables = mountTables): Promise<string | undefined> {
  const wanted = [...(await inFstab(tables.fstab)), ...(await inUnits(tables.units))];
  const own = await withoutLinks(folder);
  for (const point of wanted) {
    const place = await withoutLinks(point);
    const isAbove = place !== '/' && `${own}/`.startsWith(`${place}/`);
    if (isAbove && !(await mounted(tables.mounted)).includes(place)) return point;
  }
  return undefined;
}

async function inFstab(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const fields = text.split('\n').map((line) => line.trim().split(/\s+/));
  return fields.flatMap(([what = '#', where = '']) => (what.startsWith('#') ? [] : [unescaped(where)])).filter(isPath);
}

/** Mounts of systemd's that are in no fstab. */
async function inUnits(folder: string): Promise<string[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.mount'));
  const texts = await Promise.all(names.map((name) => readFile(path.join(folder, name), 'utf8').catch(() => '')));
  return texts.flatMap((text) => /^Where\s*=\s*(.*?)\s*$/m.exec(text)?.[1] ?? []).filter(isPath);
}

async function mounted(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').map((line) => unescaped(line.split(' ')[4] ?? ''));
}

function isPath(where: string): boolean {
  return path.isAbsolute(where);
}

/** Both tables write a blank as \040. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

async function withoutLinks(folder: string): Promise<string> {
  return realpath(folder).catch(absentAs(path.resolve(folder)));
}
