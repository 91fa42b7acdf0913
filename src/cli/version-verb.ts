import { parseArgs } from 'node:util';
import { readVersion } from '../daemon/index.ts';
import type { Verb } from './verb.ts';

export const versionVerb: Verb = {
  name: 'version',
  summary: 'print the version of berth',
  usage: '[--json]',
  async run(args, { folder, stdout }) {
    const { values } = parseArgs({ args, options: { json: { type: 'boolean' } } });
    const { release, sha, commit_message: commit } = await readVersion(folder);
    stdout.write(values.json ? `${JSON.stringify({ release, sha, commit })}\n` : `berth ${release} (${sha})\n`);
    return 0;
  },
};
