import { parseArgs } from 'node:util';
import { runInstaller } from './run-installer.ts';
import type { Verb } from './verb.ts';

const usage = `[--json]

Brings back the version of berth that was there before the last install, as an upgrade does: functions run on, and callers
wait a moment. Done again it brings this one back.

  --json   nothing but {"downgraded":true} at its end`;

export const downgradeVerb: Verb = {
  name: 'downgrade',
  summary: 'bring back the version of berth before the last install',
  usage,
  bearsNoSettings: true,
  async run(args, cli) {
    const { values } = parseArgs({ args, options: { json: { type: 'boolean' } } });
    const { json = false } = values;
    const code = await runInstaller(['downgrade'], cli, json);
    if (json && code === 0) cli.stdout.write(`${JSON.stringify({ downgraded: true })}\n`);
    return code;
  },
};
