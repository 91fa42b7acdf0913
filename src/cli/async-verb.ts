import { parseArgs } from 'node:util';
import { readDaemonConfig, type AsyncList, type CallView } from '../daemon/index.ts';
import { ApiClient, ApiError } from './api-client.ts';
import { terminalText } from './terminal-text.ts';
import { textTable } from './text-table.ts';
import { UsageError, type Cli, type ExitCode, type Verb } from './verb.ts';

const usage = `list [--function NAME] [--state STATE] [--limit N] [--json]
       async show ID [--json]
       async cancel ID...
       async replay ID...

Shows what became of asynchronous calls, drops them, and has those that failed for good made again.

  list            count the calls of each function, and list them, newest first
  show            all that is known of a call, and its answer where the function has it kept
  cancel          drop calls that wait, and end those that run
  replay          queue calls anew that failed for good: they are dead

  --function NAME only the calls of this function; NAME.NAMESPACE is read as well
  --state STATE   only those that are queued, running, done, failed, cancelled or dead
  --limit N       at most N calls; 100 unless given, 1000 at most`;

const options = {
  function: { type: 'string' },
  state: { type: 'string' },
  limit: { type: 'string' },
  json: { type: 'boolean' },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>>['values'];

export const asyncVerb: Verb = {
  name: 'async',
  summary: 'show asynchronous calls, cancel and replay them',
  usage,
  async run(args, cli) {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const [action = '', ...ids] = positionals;
    const act = actions.get(action);
    if (!act) throw new UsageError(action === '' ? 'say what to do' : `there is no berth async ${action}`);
    const [least, most] = act.ids;
    if (ids.length > most) throw new UsageError(most === 0 ? `${action} takes no id` : `${action} takes one id`);
    if (ids.length < least) throw new UsageError('say the id of a call');
    return act.run(await ApiClient.open(readDaemonConfig(cli.env)), ids, values, cli);
  },
};

interface Action {
  /** How many calls are named, at least and at most. */
  ids: [least: number, most: number];
  run(api: ApiClient, ids: string[], values: Values, cli: Cli): Promise<ExitCode>;
}

/** What is done to each call that is named. */
interface Change {
  method: string;
  path: (id: string) => string;
  done: string;
}

const changing = (change: Change): Action => ({
  ids: [1, Infinity],
  run: (api, ids, _values, cli) => changeEach(api, ids, change, cli),
});

const replayOf = (id: string) => `/system/async/${encodeURIComponent(id)}/replay`;

const actions = new Map<string, Action>([
  ['list', { ids: [0, 0], run: (api, _ids, values, cli) => list(api, values, cli) }],
  ['show', { ids: [1, 1], run: (api, [id = ''], values, cli) => show(api, id, values, cli) }],
  ['cancel', changing({ method: 'DELETE', path: pathOf, done: 'is cancelled' })],
  ['replay', changing({ method: 'POST', path: replayOf, done: 'is queued again' })],
]);

/** Goes on with the others where one fails. */
async function changeEach(api: ApiClient, ids: string[], { method, path, done }: Change, cli: Cli): Promise<ExitCode> {
  let code: ExitCode = 0;
  for (const id of ids) {
    try {
      await api.json(path(id), { method, signal: cli.signal });
      cli.stdout.write(`${id} ${done}\n`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      cli.stderr.write(`${error.message}\n`);
      code = 1;
    }
  }
  return code;
}

async function list(api: ApiClient, values: Values, { stdout, signal }: Cli): Promise<ExitCode> {
  const { json, ...asked } = values;
  const query = new URLSearchParams(Object.entries(asked));
  const listed = (await api.json(`/system/async?${query.toString()}`, { signal })) as AsyncList;
  stdout.write(json ? `${JSON.stringify(listed)}\n` : listText(listed));
  return 0;
}

function listText({ functions, calls }: AsyncList): string {
  if (functions.length === 0 && calls.length === 0) return 'no asynchronous calls\n';
  const counts = functions.map((fn) => {
    const { queued, running, done, failed, cancelled, dead } = fn;
    return [`${fn.name}.${fn.namespace}`, ...[queued, running, done, failed, cancelled, dead].map(String)];
  });
  const head = ['FUNCTION', 'QUEUED', 'RUNNING', 'DONE', 'FAILED', 'CANCELLED', 'DEAD'];
  const rows = calls.map((call) => [
    call.id,
    nameOf(call),
    stateOf(call),
    String(call.attempts),
    call.queuedAt,
    lastOf(call),
  ]);
  const listed = textTable([['ID', 'FUNCTION', 'STATE', 'ATTEMPTS', 'QUEUED AT', 'LAST ANSWER'], ...rows]);
  return `${textTable([head, ...counts])}\n${listed}`;
}

function nameOf({ kind, function: name, namespace }: CallView): string {
  return `${name}.${namespace}${kind === 'callback' ? ' (callback)' : ''}`;
}

function stateOf({ state, dead }: CallView): string {
  return dead ? 'dead' : state;
}

function lastOf({ lastStatus, lastError }: CallView): string {
  return terminalText([lastStatus, lastError].filter((each) => each !== undefined).join(' '));
}

async function show(api: ApiClient, id: string, { json }: Values, { stdout, signal }: Cli): Promise<ExitCode> {
  const call = (await api.json(pathOf(id), { signal })) as CallView;
  stdout.write(json ? `${JSON.stringify(call)}\n` : showText(call));
  return 0;
}

function showText(call: CallView): string {
  const { result, ...known } = call;
  const rows = Object.entries(known).map(([name, value]) => [name, terminalText(String(value))]);
  const answer =
    result &&
    ('text' in result ? terminalText(result.text) : `${result.base64.length} characters of base64: see --json`);
  return `${textTable(rows)}${answer === undefined ? '' : `\n${answer.trimEnd()}\n`}`;
}

function pathOf(id: string): string {
  return `/async-function/${encodeURIComponent(id)}`;
}
