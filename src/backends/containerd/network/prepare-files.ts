import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { absentAs } from '../../../base/absent-file.ts';
import { hostsFile, type HostsFileOptions } from './hosts-file.ts';
import { resolvConf, type ResolvConf } from './resolv-conf.ts';

export interface PrepareFilesOptions extends HostsFileOptions {
  /** A folder of the replica's own. */
  dir: string;
  /** The host's resolv.conf files, first choice first. */
  resolvConfPaths?: string[];
}

// The second and third are where systemd-resolved and NetworkManager name the real servers behind their stubs.
export const hostResolvConfPaths = [
  '/etc/resolv.conf',
  '/run/systemd/resolve/resolv.conf',
  '/run/NetworkManager/no-stub-resolv.conf',
];

/**
 * Writes resolv.conf and hosts for a function; run again, it brings them up to date while the function runs.
 * @returns their paths on the host
 */
export async function prepareFiles(options: PrepareFilesOptions): Promise<{ resolvConf: string; hosts: string }> {
  const { dir, gateway, resolvConfPaths = hostResolvConfPaths } = options;
  const { text } = await readResolvConf(resolvConfPaths, gateway);
  const files = { resolvConf: join(dir, 'resolv.conf'), hosts: join(dir, 'hosts') };
  await mkdir(dir, { recursive: true });
  await writeInPlace(files.resolvConf, text);
  await writeInPlace(files.hosts, hostsFile(options));
  return files;
}

/** Answers what functions' resolv.conf has to be, from the host's. */
export async function readResolvConf(hostPaths: string[], gateway: string): Promise<ResolvConf> {
  return resolvConf(await Promise.all(hostPaths.map(readIfThere)), gateway);
}

/** Brings a replica's resolv.conf up to date where it has one; answers whether it was another. */
export async function rewriteResolvConf(dir: string, text: string): Promise<boolean> {
  const file = join(dir, 'resolv.conf');
  const before = await readFile(file, 'utf8').catch(absentAs(undefined));
  if (before === undefined || before === text) return false;
  await writeInPlace(file, text);
  return true;
}

// A mounted file is the inode and not the name: a rename would leave running functions with the old one.
async function writeInPlace(file: string, text: string): Promise<void> {
  if ((await readIfThere(file)) !== text) await writeFile(file, text, { mode: 0o644 });
}

function readIfThere(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(absentAs(''));
}
