import { checkedRecord } from './checked-record.ts';
import { placeOf, type HostPlace } from './host-places.ts';
import { mergeSettings, type MergeOptions } from './merge-settings.ts';
import type { Backup } from './backup-archive.ts';
import type { ArchivedFile } from './tar-archive.ts';

/** A file that a restore writes. */
export interface RestoredFile {
  name: string;
  path: string;
  mode: number;
  folderMode: number;
  content: Buffer;
  /** `replaced`: the host has another one there. `own`: and it is not one that every new host has. */
  change: 'new' | 'same' | 'replaced' | 'own';
}

export interface RestoreOptions extends MergeOptions {
  /** As `process.arch` has it. */
  arch: string;
}

/**
 * Says what a restore writes.
 * @param present what the host has at those places
 * @throws ArchiveError where the backup has something that cannot be berth's
 */
export function planRestore(
  { about, files }: Backup,
  present: ArchivedFile[],
  places: HostPlace[],
  options: RestoreOptions,
): RestoredFile[] {
  const before = new Map(present.map(({ name, content }) => [name, content]));
  const isNewHost = !present.some(({ name }) => /^data\/(functions|secrets)\//.test(name));
  return files.map(({ name, mode, content: packed }) => {
    const placed = placeOf(name, places);
    const content = contentFor(
      { name, packed, before: before.get(name), isSameArch: about.arch === options.arch },
      options,
    );
    const there = before.get(name);
    const isOfEveryHost = isNewHost && /^settings\/(auth\/|berth\.env$)/.test(name);
    const change = !there
      ? 'new'
      : there.equals(content)
        ? 'same'
        : isOfEveryHost || name === 'settings/berth.env'
          ? 'replaced'
          : 'own';
    const isOpen = placed.place.folderMode === 0o755;
    return {
      name,
      path: placed.path,
      mode: isOpen ? mode & 0o755 : 0o600,
      folderMode: placed.place.folderMode,
      content,
      change,
    };
  });
}

interface Packed {
  name: string;
  packed: Buffer;
  before: Buffer | undefined;
  isSameArch: boolean;
}

function contentFor({ name, packed, before, isSameArch }: Packed, options: MergeOptions): Buffer {
  if (name === 'settings/berth.env') {
    return Buffer.from(mergeSettings(before?.toString() ?? '', packed.toString(), options));
  }
  if (!name.startsWith('data/functions/')) return packed;
  const record = checkedRecord(name, packed.toString());
  if (isSameArch) return packed;
  // What the digest names may be of the other architecture alone: the tag is looked up again.
  const { current, candidate, previous } = record;
  for (const generation of [current, candidate, previous]) if (generation) delete generation.imageDigest;
  return Buffer.from(`${JSON.stringify(record, undefined, 2)}\n`);
}
