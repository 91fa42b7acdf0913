import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { z } from 'zod';
import { hasCode } from '../../base/absent-file.ts';
import { ArchiveError, readTar, writeTar, type ArchivedFile } from './tar-archive.ts';

const manifestName = 'berth-backup.json';

/** Far more than anybody has: what unpacks to more is not ours. */
const mostBytes = 256 * 1024 * 1024;

const about = z.object({
  format: z.literal('berth-backup'),
  schema: z.number(),
  /** The version that made it. */
  release: z.string(),
  createdAt: z.string(),
  host: z.string(),
  /** As `process.arch` has it. */
  arch: z.string(),
});

const manifest = about.extend({ files: z.record(z.string(), z.string()) });

/** What a backup says of itself. */
export type AboutBackup = z.infer<typeof about>;

export interface Backup {
  about: AboutBackup;
  files: ArchivedFile[];
}

/**
 * Packs files as tar.gz, with a file in front that says what it is and has their digests.
 * @throws Error where they are too many
 */
export async function packBackup({ about: says, files }: Backup): Promise<Buffer> {
  const digests = Object.fromEntries(files.map(({ name, content }) => [name, digestOf(content)]));
  const content = Buffer.from(`${JSON.stringify({ ...says, files: digests }, undefined, 2)}\n`);
  const archive = writeTar([{ name: manifestName, mode: 0o600, content }, ...files]);
  if (archive.length > mostBytes)
    throw new Error(`it is ${archive.length} bytes, and a backup has at most ${mostBytes}`);
  return promisify(gzip)(archive);
}

/**
 * Unpacks what `packBackup` packed, and checks all of it.
 * @throws ArchiveError where it is anything else, or not whole
 */
export async function unpackBackup(packed: Buffer): Promise<Backup> {
  const archive = await promisify(gunzip)(packed, { maxOutputLength: mostBytes }).catch((cause: unknown) => {
    const isHuge = hasCode(cause, 'ERR_BUFFER_TOO_LARGE');
    throw new ArchiveError(isHuge ? `it unpacks to more than ${mostBytes} bytes` : 'it is no backup, or cut off', {
      cause,
    });
  });
  const [first, ...files] = readTar(archive);
  if (first?.name !== manifestName) throw new ArchiveError(`it is no backup: ${manifestName} is not its first file`);
  const { files: digests, ...says } = parseManifest(first.content.toString());
  if (says.schema > 1)
    throw new ArchiveError(`it was made by berth ${says.release}, which is newer: update this one first`);
  const names = new Set(files.map(({ name }) => name));
  const isWhole = names.size === files.length && names.size === Object.keys(digests).length;
  if (!isWhole || files.some(({ name, content }) => digests[name] !== digestOf(content))) {
    throw new ArchiveError('its files are not those that it was made of');
  }
  return { about: says, files };
}

function parseManifest(text: string): z.infer<typeof manifest> {
  try {
    return manifest.parse(JSON.parse(text));
  } catch (cause) {
    throw new ArchiveError(`it is no backup: ${manifestName} cannot be read`, { cause });
  }
}

function digestOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
