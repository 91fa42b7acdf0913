import path from 'node:path';
import { describeError } from '../../base/log.ts';
import { parseRecord, type FunctionRecord } from '../../backends/containerd/index.ts';
import { ArchiveError } from './tar-archive.ts';

/**
 * Reads a function of a backup.
 * @param name of its file in the backup
 * @throws ArchiveError where it cannot be one, or is another function than its name says
 */
export function checkedRecord(name: string, text: string): FunctionRecord {
  try {
    const record = parseRecord(text);
    const named = [record.current, record.candidate, record.previous].map((generation) => generation?.deployment);
    const [, , namespace, file = ''] = name.split('/');
    const isOther = (each: { name: string; namespace: string }) =>
      each.namespace !== namespace || `${each.name}.json` !== file;
    if (named.some((deployment) => deployment && isOther(deployment))) throw new Error('it is of another function');
    return record;
  } catch (error) {
    throw new ArchiveError(`${path.posix.basename(name)} in it cannot be a function: ${describeError(error)}`);
  }
}
