import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../../base/log.ts';
import { absentAs } from '../../../base/absent-file.ts';
import { hostsFile, type HostsFileOptions } from './hosts-file.ts';
import { resolvConf } from './resolv-conf.ts';

export interface PrepareFilesOptions extends HostsFileOptions {
  /** A folder of the replica's own. */
  dir: string;
  /** The host's resolv.conf files, first choice first. */
  resolvConfPaths?: string[];
  log: Log;
}

// The second and third are where systemd-resolved and NetworkManager name the real servers behind their stubs.
const hostResolvConfPaths = [
  '/etc/resolv.conf',
  '/run/systemd/resolve/resolv.conf',
  '/run/NetworkManager/no-stub-resolv.conf',
];

/**
 * Writes resolv.conf and hosts for a function; run again, it brings them up to date while the function runs.
 * @returns their paths on the host
 */
export async function prepareFiles(options: PrepareFilesOptions): Promise<{ resolvConf: string; hosts: string }> {
  const { dir, gateway, resolvConfPaths = hostResolvConfPaths, log } = options;
  const candidates = await Promise.all(resolvConfPaths.map(readIfThere));
  const resolv = resolvConf(candidates, gateway);
  if (resolv.usesGateway) {
    const looked = resolvConfPaths.join(', ');
    log.warn('no name server that functions can reach: make the local resolver listen on the gateway address', {
      gateway,
      looked,
    });
  }
  const files = { resolvConf: join(dir, 'resolv.conf'), hosts: join(dir, 'hosts') };
  await mkdir(dir, { recursive: true });
  await writeInPlace(files.resolvConf, resolv.text);
  await writeInPlace(files.hosts, hostsFile(options));
  return files;
}

// A mounted file is the inode and not the name: a rename would leave running functions with the old one.
async function writeInPlace(file: string, text: string): Promise<void> {
  if ((await readIfThere(file)) !== text) await writeFile(file, text, { mode: 0o644 });
}

function readIfThere(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(absentAs(''));
}
