import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { absentAs } from '../../../base/absent-file.ts';
import { allEnded } from '../../../base/all-ended.ts';
import { writeDurably } from '../../../base/durable-file.ts';
import { parseJson } from '../../../base/parse-json.ts';
import type { Dns } from '../../../provider/index.ts';
import { hostsFile, type HostsFileOptions } from './hosts-file.ts';
import { resolvConf, type ResolvConf } from './resolv-conf.ts';

export interface PrepareFilesOptions extends HostsFileOptions {
  /** A folder of the replica's own. */
  dir: string;
  /** The host's resolv.conf files, first choice first. */
  resolvConfPaths?: string[];
  /** What all functions have instead of the host's. */
  dns?: Dns;
  /** What this one has instead. */
  ownDns?: Dns;
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
  const { dir, gateway, resolvConfPaths = hostResolvConfPaths, dns, ownDns = {} } = options;
  const files = { resolvConf: join(dir, 'resolv.conf'), hosts: join(dir, 'hosts') };
  await mkdir(dir, { recursive: true });
  const [{ text }] = await allEnded([
    readResolvConf(resolvConfPaths, gateway, dnsOf(dns, ownDns)),
    writeInPlace(files.hosts, hostsFile(options)),
    // Before the other, so that whoever follows the host's servers meanwhile knows.
    keepOwnDns(dir, ownDns),
  ]);
  await writeInPlace(files.resolvConf, text);
  return files;
}

/** Answers what functions' resolv.conf has to be, from the host's and from what is set for all. */
export async function readResolvConf(hostPaths: string[], gateway: string, dns?: Dns): Promise<ResolvConf> {
  return resolvConf(await Promise.all(hostPaths.map(readIfThere)), gateway, dns);
}

/**
 * Brings a replica's resolv.conf up to date where it has one; answers whether it was another.
 * @param shared what it is for all that have nothing of their own
 * @param textWith what it is with that
 */
export async function rewriteResolvConf(
  dir: string,
  shared: string,
  textWith: (own: Dns) => Promise<string>,
): Promise<boolean> {
  const file = join(dir, 'resolv.conf');
  const before = await readFile(file, 'utf8').catch(absentAs(undefined));
  const own = await readOwnDns(dir);
  const text = own ? await textWith(own) : shared;
  if (before === undefined || before === text) return false;
  await writeInPlace(file, text);
  return true;
}

// A mounted file is the inode and not the name: a rename would leave running functions with the old one.
async function writeInPlace(file: string, text: string): Promise<void> {
  if ((await readIfThere(file)) !== text) await writeFile(file, text, { mode: 0o644 });
}

/** Answers what holds for a replica that has some of its own. */
export function dnsOf(forAll: Dns = {}, own: Dns): Dns {
  return { servers: own.servers ?? forAll.servers, search: own.search ?? forAll.search };
}

/** Beside the replica's resolv.conf, for when the host's servers change while it runs. */
async function keepOwnDns(dir: string, own: Dns): Promise<void> {
  const file = join(dir, 'dns.json');
  if (!own.servers && !own.search) await rm(file, { force: true });
  else await writeDurably(file, JSON.stringify(own), { fsync: false });
}

async function readOwnDns(dir: string): Promise<Dns | undefined> {
  return parseJson(await readIfThere(join(dir, 'dns.json'))) as Dns | undefined;
}

function readIfThere(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(absentAs(''));
}
