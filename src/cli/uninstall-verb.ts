import { parseArgs } from 'node:util';
import { openContainerd, readDaemonConfig, readVersion } from '../daemon/index.ts';
import { createLog } from '../base/log.ts';
import { runInstaller } from './run-installer.ts';
import type { Cli, ExitCode, Verb } from './verb.ts';

const usage = `[--purge] [--json]

Ends all functions and takes berth away from this host, but for the packages of the distribution. Settings, functions,
secrets and logs stay, and an install brings everything back.

  --purge            settings, functions, secrets, logs and images go as well
  --functions-only   only ends the functions, and takes away what berth has in containerd and in the network; berth must
                     be stopped before
  --json             nothing but {"uninstalled":true,"purged":false} at its end`;

const options = {
  purge: { type: 'boolean' },
  'functions-only': { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

export const uninstallVerb: Verb = {
  name: 'uninstall',
  summary: 'take berth away from this host',
  usage,
  async run(args, cli) {
    const { values } = parseArgs({ args, options });
    const { purge = false, json = false } = values;
    const code = values['functions-only']
      ? await clearHost(cli, purge)
      : await runInstaller(['uninstall', ...(purge ? ['--purge'] : [])], cli, json);
    if (json && code === 0) cli.stdout.write(`${JSON.stringify({ uninstalled: true, purged: purge })}\n`);
    return code;
  },
};

async function clearHost({ env, folder, stderr }: Cli, purge: boolean): Promise<ExitCode> {
  const log = createLog({ level: 'warn', write: (line) => stderr.write(line) });
  const backEnd = await openContainerd({ config: readDaemonConfig(env), env, version: await readVersion(folder), log });
  try {
    await backEnd.clear({ purge });
  } finally {
    await backEnd.stop();
  }
  return 0;
}
