import { readdir, readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { absentAs } from '../../../base/absent-file.ts';

/**
 * Reads container ids by reserved address, as host-local keeps them: a file named for each address, the container id in
 * its first line (https://www.cni.dev/plugins/current/ipam/host-local/).
 */
export async function reservations(folder: string): Promise<Map<string, string>> {
  const names = await readdir(folder).catch(absentAs<string[]>([]));
  const addresses = names.filter((name) => isIP(name));
  const owners = await Promise.all(addresses.map((address) => ownerOf(join(folder, address))));
  return new Map(addresses.map((address, index) => [address, owners[index] ?? '']));
}

// The file of an address that is being freed vanishes under us.
async function ownerOf(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(absentAs(''));
  return text.split(/\r?\n/)[0] ?? '';
}
