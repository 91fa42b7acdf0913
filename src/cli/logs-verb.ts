import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { readDaemonConfig } from '../daemon/index.ts';
import { parseFullName, parseSecondsOrGoDuration, type LogMessage } from '../provider/index.ts';
import { ApiClient } from './api-client.ts';
import { UsageError, type Cli, type Verb } from './verb.ts';

const usage = `NAME [--namespace NAMESPACE] [--follow] [--since TIME] [--tail N] [--instance REPLICA] [--json]

Shows what a function wrote, oldest line first: time, replica, text. NAME.NAMESPACE is read as well.

  -f, --follow    stay, and show new lines as they come, until Ctrl-C
  --since TIME    only lines since then: 10m, 2h30m, or 2026-01-31T15:04:05Z
  --tail N        only the last N lines
  --instance ID   only the lines of this replica
  --json          each line as one JSON object: name, namespace, instance, timestamp, text`;

const options = {
  namespace: { type: 'string', short: 'n' },
  follow: { type: 'boolean', short: 'f' },
  since: { type: 'string' },
  tail: { type: 'string' },
  instance: { type: 'string' },
  json: { type: 'boolean' },
} as const;

export const logsVerb: Verb = {
  name: 'logs',
  summary: "show a function's log lines",
  usage,
  async run(args, cli) {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const [name = '', ...more] = positionals;
    if (name === '' || more.length > 0) throw new UsageError('name one function');
    const config = readDaemonConfig(cli.env);
    const fn = parseFullName(name, values.namespace ?? config.defaultNamespace);
    if (!fn) throw new UsageError(`${JSON.stringify(name)} is no name of a function`);
    const { since, tail, instance, follow = false } = values;
    if (tail !== undefined && !/^[1-9]\d{0,14}$/.test(tail)) throw new UsageError('--tail takes a number of lines');
    const query = new URLSearchParams({ ...fn, follow: String(follow) });
    if (tail !== undefined) query.set('tail', tail);
    if (instance !== undefined) query.set('instance', instance);
    if (since !== undefined) query.set('since', momentOf(since));
    const api = await ApiClient.open(config);
    await print(
      await api.stream(`/system/logs?${query.toString()}`, { signal: cli.signal }),
      cli,
      values.json ?? false,
    );
    return 0;
  },
};

/** Reads how long ago, or when. */
function momentOf(text: string): string {
  try {
    return new Date(Date.now() - parseSecondsOrGoDuration(text)).toISOString();
  } catch {
    const moment = new Date(text);
    if (!Number.isNaN(moment.getTime())) return moment.toISOString();
  }
  throw new UsageError(`--since: ${JSON.stringify(text)} is no time, write 10m or 2026-01-31T15:04:05Z`);
}

async function print(lines: Readable, { stdout, signal }: Cli, asJson: boolean): Promise<void> {
  try {
    for await (const line of createInterface({ input: lines, crlfDelay: Infinity })) {
      if (!stdout.write(`${asJson ? line : readable(JSON.parse(line) as LogMessage)}\n`)) {
        await once(stdout, 'drain', { signal });
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** What a function writes is not to move the terminal's cursor or rename its window: colours and tabs may stay. */
const unsafe = /(?!\t|\u001b\[[\d;]*m)\p{Cc}/gu;

function readable({ timestamp, instance, text }: LogMessage): string {
  const escaped = (character: string) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  return `${timestamp} ${instance} ${text.replaceAll(unsafe, escaped)}`;
}
