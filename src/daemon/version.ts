import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { absentAs } from '../base/absent-file.ts';
import type { VersionInfo } from '../provider/index.ts';

/**
 * Reads the release from package.json, and the commit from the file `commit` beside it, which `install.sh commit` makes
 * for the installer, for `npm start` and for the package. Its two lines are the commit's hash and its subject.
 * @param folder where the program is: a checkout, or what was made of one
 * @returns `unknown` as the hash where nobody knew the commit
 */
export async function readVersion(folder: string): Promise<VersionInfo> {
  const { version } = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')) as { version: string };
  const commit = await readFile(path.join(folder, 'commit'), 'utf8').catch(absentAs(''));
  const [sha = '', subject = ''] = commit.split('\n');
  return { release: version, sha: sha || 'unknown', commit_message: subject };
}
