import path from 'node:path';
import type { Config } from '../../daemon/index.ts';
import { ArchiveError } from './tar-archive.ts';

/** A folder or a file of the host, and what it is called in a backup. */
export interface HostPlace {
  /** Name in the backup: of a file, or what the names of a folder's files begin with. */
  name: string;
  /** Where it is on this host. */
  path: string;
  /** What names of a folder's files look like behind its own; absent for a file. */
  files?: RegExp;
  /** Whether berth follows links in it. */
  hasLinks?: boolean;
  /** Permissions of folders that are made for it. */
  folderMode: number;
}

/** Places as the settings of a host have them. */
export function hostPlaces(config: Config, settingsFile: string): HostPlace[] {
  const { dataDir, secretMountPath, dockerConfig, hostsDir, tlsCert, tlsKey } = config;
  const { functionsDir = '/etc/berth/functions.d' } = config;
  const label = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?';
  const inData = (name: string, files: string): HostPlace => {
    return { name: `data/${name}`, path: path.join(dataDir, name), files: new RegExp(`^${files}$`), folderMode: 0o700 };
  };
  const folderMode = 0o700;
  const visible = '[^/.\\0][^/\\0]*';
  const open = { folderMode: 0o755, hasLinks: true };
  return [
    inData('functions', `${label}/${label}\\.json`),
    inData('namespaces', `${label}\\.json`),
    inData('secrets', `${label}/[A-Za-z0-9][-\\w.]*`),
    { name: 'settings/berth.env', path: settingsFile, folderMode },
    { name: 'settings/auth/basic-auth-user', path: path.join(secretMountPath, 'basic-auth-user'), folderMode },
    { name: 'settings/auth/basic-auth-password', path: path.join(secretMountPath, 'basic-auth-password'), folderMode },
    { name: 'settings/docker/config.json', path: dockerConfig, folderMode },
    { name: 'settings/functions.d', path: functionsDir, files: new RegExp(`^${visible}$`), ...open },
    { name: 'settings/certs.d', path: hostsDir, files: new RegExp(`^${visible}/${visible}$`), ...open },
    ...(tlsCert ? [{ name: 'settings/tls/cert', path: tlsCert, folderMode }] : []),
    ...(tlsKey ? [{ name: 'settings/tls/key', path: tlsKey, folderMode }] : []),
  ];
}

/** What of a host a file of a backup is. */
export interface Placed {
  place: HostPlace;
  /** Where it is, or is to be, on this host. */
  path: string;
}

/**
 * Finds where a file of a backup belongs.
 * @throws ArchiveError where no backup has such a file
 */
export function placeOf(name: string, places: HostPlace[]): Placed {
  for (const place of places) {
    if (!place.files && place.name === name) return { place, path: place.path };
    const inside = place.files && name.startsWith(`${place.name}/`) ? name.slice(place.name.length + 1) : undefined;
    if (inside !== undefined && place.files?.test(inside)) return { place, path: path.join(place.path, inside) };
  }
  throw new ArchiveError(`it has a file that no backup has: ${JSON.stringify(name)}`);
}
