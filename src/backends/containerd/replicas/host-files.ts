import { rm } from 'node:fs/promises';
import path from 'node:path';
import { diskFullOf } from '../../../base/disk-full.ts';
import type { Dns } from '../../../provider/index.ts';
import { prepareFiles } from '../network/index.ts';
import type { Host, ReplicaName } from './host.ts';

/** Returns the paths of a replica's own resolv.conf and hosts, bind-mounted into it. */
export function hostFilesOf(host: Host, id: string): { resolvConf: string; hosts: string } {
  const dir = path.join(host.replicaFilesDir, id);
  return { resolvConf: path.join(dir, 'resolv.conf'), hosts: path.join(dir, 'hosts') };
}

/** Writes a replica's files before each start: the host's resolver may have changed, a reboot empties /run. */
export async function writeHostFiles(host: Host, { id, name }: ReplicaName, ip: string, ownDns: Dns): Promise<void> {
  const dir = path.join(host.replicaFilesDir, id);
  const { gateway, dns } = host.network;
  const files = { dir, hostname: name, ip, gateway, dns, ownDns };
  await prepareFiles(files).catch(diskFullOf('run_dir'));
}

export async function removeHostFiles(host: Host, id: string): Promise<void> {
  await rm(path.join(host.replicaFilesDir, id), { recursive: true, force: true });
}
