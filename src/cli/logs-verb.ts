import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { hasCode } from '../base/absent-file.ts';
import { readDaemonConfig } from '../daemon/index.ts';
import { parseFullName, parseSecondsOrGoDuration, type FunctionName, type LogMessage } from '../provider/index.ts';
import { ApiClient, ApiError } from './api-client.ts';
import { linesOf } from './lines-of.ts';
import { terminalText } from './terminal-text.ts';
import { UsageError, type Cli, type Verb } from './verb.ts';

const usage = `NAME [--namespace NAMESPACE] [--follow] [--since TIME] [--tail N] [--instance REPLICA] [--json]

Shows what a function wrote, oldest line first: time, replica, text. NAME.NAMESPACE is read as well.

  -f, --follow    stay, and show new lines as they come, until Ctrl-C; also over an upgrade of berth
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
    const shown = new ShownLines(cli, values.json ?? false);
    do {
      await shown.add(await api.stream(`/system/logs?${query.toString()}`, { signal: cli.signal }), follow);
      shown.goOn(query);
    } while (follow && !cli.signal.aborted && (await isThere(api, fn, cli.signal)));
    return 0;
  },
};

/** How long a berth that ends may take until the next one answers, and how often it is asked. */
const restartMs = 60_000;
const askMs = 500;

/** Waits for berth, which may be starting anew, and says whether it has the function: of one that is gone no line comes. */
async function isThere(api: ApiClient, { name, namespace }: FunctionName, signal: AbortSignal): Promise<boolean> {
  for (let leftMs = restartMs; ; leftMs -= askMs) {
    await sleep(askMs, undefined, { signal }).catch(() => {});
    try {
      if (signal.aborted) return false;
      await api.json(`/system/function/${name}?namespace=${namespace}`, { signal });
      return true;
    } catch (error) {
      if (signal.aborted || (error instanceof ApiError && error.status === 404)) return false;
      if (leftMs <= 0) throw error;
    }
  }
}

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

/** Prints lines, each once, also where the same are answered again. */
class ShownLines {
  readonly #cli: Cli;
  readonly #asJson: boolean;
  /** When the newest was written, and all lines of that moment. */
  #newest = '';
  #ofNewest: string[] = [];

  constructor(cli: Cli, asJson: boolean) {
    this.#cli = cli;
    this.#asJson = asJson;
  }

  /** @param mayEnd the answer may end in the middle, as berth's process does at an upgrade */
  async add(lines: Readable, mayEnd: boolean): Promise<void> {
    const { stdout, signal } = this.#cli;
    const known = [...this.#ofNewest];
    try {
      for await (const line of linesOf(lines)) {
        const message = JSON.parse(line) as LogMessage;
        if (this.#isShown(line, message, known)) continue;
        if (!stdout.write(`${this.#asJson ? line : readable(message)}\n`)) await once(stdout, 'drain', { signal });
      }
    } catch (error) {
      if (!signal.aborted && !(mayEnd && hasCode(error, 'ECONNRESET'))) throw error;
    }
  }

  #isShown(line: string, { timestamp }: LogMessage, known: string[]): boolean {
    const at = timestamp === this.#newest ? known.indexOf(line) : -1;
    if (at >= 0) known.splice(at, 1);
    if (at >= 0) return true;
    if (timestamp !== this.#newest) this.#ofNewest = [];
    this.#newest = timestamp;
    this.#ofNewest.push(line);
    return false;
  }

  /** Has a query ask for what comes behind the lines that were shown. */
  goOn(query: URLSearchParams): void {
    if (this.#newest === '') return;
    query.set('since', this.#newest);
    query.delete('tail');
  }
}

function readable({ timestamp, instance, text }: LogMessage): string {
  return `${timestamp} ${instance} ${terminalText(text)}`;
}
