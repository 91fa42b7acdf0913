import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { readDaemonConfig } from '../daemon/index.ts';
import type { SystemEvent } from '../provider/index.ts';
import { ApiClient } from './api-client.ts';
import { terminalText } from './terminal-text.ts';
import { UsageError, type Cli, type Verb } from './verb.ts';

const usage = `[--function NAME] [--follow] [--json]

Shows what happened lately on this host, oldest first: deployments, updates, crashes, functions that woke or fell asleep, parts
that are not well. It is kept since berth started; the journal has what was before.

  -f, --follow     stay, and show what happens, until Ctrl-C
  --function NAME  only what happened to this function; NAME.NAMESPACE is read as well
  --json           each event as one JSON object`;

const options = {
  function: { type: 'string' },
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
    const query =
      values.function === undefined ? '' : `?${new URLSearchParams({ function: values.function }).toString()}`;
    const show = (event: SystemEvent) => cli.stdout.write(values.json ? `${JSON.stringify(event)}\n` : lineOf(event));
    if (values.follow) await follow(api, query, show, cli);
    else for (const event of (await api.json(`/system/events${query}`)) as SystemEvent[]) show(event);
    return 0;
  },
};

async function follow(
  api: ApiClient,
  query: string,
  show: (event: SystemEvent) => void,
  { signal }: Cli,
): Promise<void> {
  const accept = { Accept: 'text/event-stream' };
  const stream = await api.stream(`/system/events${query}`, { signal, headers: accept });
  try {
    for await (const line of createInterface({ input: stream }))
      if (line.startsWith('data: ')) show(JSON.parse(line.slice('data: '.length)) as SystemEvent);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function lineOf({ at, severity, name, namespace, text }: SystemEvent): string {
  const subject = name === undefined ? (namespace ?? '') : `${name}.${namespace}`;
  const words = [at, severity === 'info' ? '' : `${severity}:`, subject && `${subject}:`, terminalText(text)];
  return `${words.filter((word) => word !== '').join(' ')}\n`;
}
