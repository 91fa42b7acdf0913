import path from 'node:path';
import { parseEnv } from 'node:util';
import { isRestart, parseStoredNamespace, replicasWanted } from '../../backends/containerd/index.ts';
import { describeError } from '../../base/log.ts';
import type { FunctionDeployment, Namespace, Secret } from '../../provider/index.ts';
import { checkedRecord } from './checked-record.ts';
import { placeOf, type HostPlace } from './host-places.ts';
import type { Backup } from './backup-archive.ts';
import { ArchiveError, type ArchivedFile } from './tar-archive.ts';

/** A function of a backup, as it serves there. */
export interface HouseFunction {
  deployment: FunctionDeployment;
  /** Wanted, 0 where it sleeps. */
  replicas: number;
  /** Whether a file of `functions_dir` keeps it. */
  isKeptByFile: boolean;
  /** Image of the version that was being started. */
  candidateImage?: string;
  hasPrevious: boolean;
}

/** What a backup has, as the API's words say it. */
export interface House {
  /** All that something is in. */
  namespaces: Namespace[];
  secrets: Secret[];
  functions: HouseFunction[];
  settings: Record<string, string | undefined>;
  /** The docker config.json with the host's logins at registries. */
  logins?: string;
  /** Names of all its files. */
  files: string[];
  /** Of the host, as `process.arch` has it. */
  arch: string;
}

/**
 * Reads what a backup has of functions, secrets and namespaces.
 * @param places which files there may be
 * @throws ArchiveError where the backup has something that cannot be berth's
 */
export function houseOf({ about, files }: Backup, places: HostPlace[]): House {
  for (const { name } of files) placeOf(name, places);
  const inFolder = (folder: string) => files.filter(({ name }) => name.startsWith(`data/${folder}/`));
  const textOf = (name: string) => files.find((file) => file.name === name)?.content.toString();
  const functions = inFolder('functions').map(functionOf);
  const secrets = inFolder('secrets').map(({ name, content }) => ({ ...addressOf(name), value: content }));
  const described = inFolder('namespaces').map(namespaceOf);
  const inUse = [...functions.map(({ deployment }) => deployment), ...secrets].map(({ namespace }) => namespace);
  const bare = [...new Set(inUse)].filter((name) => !described.some((each) => each.name === name));
  const namespaces = [...described, ...bare.map((name) => ({ name, labels: {}, annotations: {} }))];
  return {
    namespaces: namespaces.sort((a, b) => (a.name < b.name ? -1 : 1)),
    secrets,
    functions,
    settings: parseEnv(textOf('settings/berth.env') ?? ''),
    logins: textOf('settings/docker/config.json'),
    files: files.map(({ name }) => name),
    arch: about.arch,
  };
}

function functionOf({ name, content }: ArchivedFile): HouseFunction {
  const record = checkedRecord(name, content.toString());
  const { current, candidate, previous, asleep, file } = record;
  return {
    deployment: current.deployment,
    replicas: asleep ? 0 : replicasWanted(record, current),
    isKeptByFile: file?.digest !== undefined,
    candidateImage: isRestart(record) ? undefined : candidate?.deployment.image,
    hasPrevious: previous !== undefined,
  };
}

function namespaceOf({ name: file, content }: ArchivedFile): Namespace {
  const base = path.posix.basename(file);
  try {
    const { labels, annotations } = parseStoredNamespace(content.toString());
    return { name: base.replace(/\.json$/, ''), labels, annotations };
  } catch (error) {
    throw new ArchiveError(`${base} in it cannot be a namespace: ${describeError(error)}`);
  }
}

/** Reads whose secret a file such as `data/secrets/NAMESPACE/NAME` is. */
function addressOf(file: string): { namespace: string; name: string } {
  const [, , namespace = '', name = ''] = file.split('/');
  return { namespace, name };
}
