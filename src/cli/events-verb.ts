import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { readDaemonConfig } from '../daemon/index.ts';
import type { SystemEvent } from '../provider/index.ts';
import { ApiClient } from './api-client.ts';
import { followBerthEvents } from './follow-berth-events.ts';
import { terminalText } from './terminal-text.ts';
import { UsageError, type Verb } from './verb.ts';

const usage = `[--function NAME] [--namespace NAMESPACE] [--follow] [--json]

Shows what happened lately on this host, oldest first: deployments, updates, crashes, functions that woke or fell asleep, parts
that are not well. It is kept since berth started; the journal has what was before.

  -f, --follow     stay, and show what happens, until Ctrl-C; also over a restart or an upgrade of berth
  --function NAME  only what happened to this function; NAME.NAMESPACE is read as well
  -n, --namespace  only what happened in this namespace, or where the function is
  --json           each event as one JSON object`;

const options = {
  function: { type: 'string' },
  namespace: { type: 'string', short: 'n' },
  follow: { type: 'boolean', short: 'f' },
  json: { type: 'boolean' },
} as const;

export const eventsVerb: Verb = {
  name: 'events',
  summary: 'show what happened lately on this host',
  usage,
  async run(args, cli) {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    if (positionals.length > 0)
      throw new UsageError(`events takes no ${JSON.stringify(positionals[0])}: say --function`);
    const api = await ApiClient.open(readDaemonConfig(cli.env));
    const { stdout, signal } = cli;
    const path = pathOf(values);
    const events = values.follow ? followBerthEvents(api, path, cli) : ((await api.json(path)) as SystemEvent[]);
    for await (const event of events) {
      const line = values.json ? `${JSON.stringify(event)}\n` : lineOf(event);
      if (!stdout.write(line)) await once(stdout, 'drain', { signal }).catch(() => {});
    }
    return 0;
  },
};

function pathOf({ function: fn, namespace }: { function?: string; namespace?: string }): string {
  const query = new URLSearchParams({ ...(fn && { function: fn }), ...(namespace && { namespace }) }).toString();
  return query === '' ? '/system/events' : `/system/events?${query}`;
}

function lineOf({ at, severity, name, namespace, text }: SystemEvent): string {
  const subject = name === undefined ? (namespace ?? '') : `${name}.${namespace}`;
  const words = [at, severity === 'info' ? '' : `${severity}:`, subject && `${subject}:`, terminalText(text)];
  return `${words.filter((word) => word !== '').join(' ')}\n`;
}
