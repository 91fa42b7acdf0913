/**
 * The clients' table, on every line of containerd that it is asked for: their exchanges restated as HTTP, then what the
 * faas-cli that can be built prints and how it ends.
 */
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import test from 'ava';
import type { CliResult } from '../helpers/faas-cli.ts';
import { watchdogImage } from '../helpers/functions.ts';
import { until } from '../helpers/poll.ts';
import { exchanges, type Answered, type Exchange } from './exchanges.ts';
import { startCliHost, type CliHost } from './setup.ts';

let host: CliHost;
let image: string;

test.before(async () => {
  host = await startCliHost();
  ({ reference: image } = await watchdogImage(host.registry));
});
test.after.always(() => host.stop());

test.serial("today's clients are answered as they need it", async (t) => {
  t.timeout(120_000);
  for (const exchange of exchanges(image)) {
    const answer = await send(exchange);
    const { title, statuses, needs } = exchange;
    const ok = t.true(statuses.includes(answer.status), `${title}: ${answer.status} ${answer.text}`);
    if (ok) needs?.(t, answer);
    t.log(`${title}: ${exchange.request.join(' ')} ${answer.status}`);
  }
});

/** What a function wrote may take a moment until it is kept: those that are to see it are asked again. */
async function send(exchange: Exchange): Promise<Answered> {
  const isOfLogs = exchange.request[1].startsWith('/system/logs');
  const isWhole = ({ status, text }: Answered) => !isOfLogs || status !== 200 || text.includes('Wrote');
  return until(async () => {
    const answer = await ask(exchange);
    return isWhole(answer) ? answer : undefined;
  });
}

async function ask({ request: [method, path], headers, body }: Exchange): Promise<Answered> {
  const { promise, resolve, reject } = Promise.withResolvers<Answered>();
  const content = typeof body === 'object' ? JSON.stringify(body) : body;
  const type = typeof body === 'object' ? { 'Content-Type': 'application/json' } : {};
  const length = content === undefined || headers['Transfer-Encoding'] ? {} : { 'Content-Length': content.length };
  const { port } = host.berth;
  const asked = request({ host: '127.0.0.1', port, method, path, headers: { ...type, ...length, ...headers } });
  asked.on('error', reject).on('response', (reply) => {
    const { statusCode: status = 0, headers: told } = reply;
    text(reply).then((answer) => resolve({ status, headers: told, text: answer }), reject);
  });
  asked.end(content);
  return promise;
}

/** Arguments, exit code, stdout, stderr; IMAGE is the function's. In order. */
const commands: [args: string, code: number, stdout: RegExp, stderr: RegExp][] = [
  ['version --warn-update=false', 0, /Provider\n name: +\S+\n orchestration: containerd\n/, /^$/],
  ['namespaces', 0, /^Namespaces:\n - openfaas-fn\n$/, /^$/],
  ['secret create key --from-literal one', 0, /^Creating secret: key\nCreated: 201 Created\n$/, /^$/],
  ['secret create key --from-literal two', 0, /"key" already exists/, /^$/],
  ['secret update key --from-literal two', 0, /Updated: 200 OK\n$/, /^$/],
  [
    'deploy --image IMAGE --name fn --fprocess cat --secret key --label a=b',
    0,
    /^\nDeployed\. 202 Accepted\.\nURL: \S+\/function\/fn\n\n$/,
    /^$/,
  ],
  ['deploy --image IMAGE --name fn --fprocess env --secret key', 0, /rolling-update\.\n\nDeployed\. 200 OK\./, /^$/],
  ['list', 0, /^fn +\t0 +\t1 +$/m, /^$/],
  ['invoke fn', 0, /^Http_Method=POST$/m, /^$/],
  ['describe fn', 0, /^Status: +Ready\nReplicas: +1\n(?=[^]*^Invocations: +1$)/m, /^$/],
  ['logs fn --tail=false', 0, /Forking fprocess\.\n/, /^$/],
  ['secret remove key', 1, /409 .*in use by function fn/, /^$/],
  ['remove fn', 0, /^Deleting: fn\.\nRemoving old function\.\n$/, /^$/],
  ['remove fn', 1, /No existing function to remove\n/, /^$/],
  ['describe fn', 1, /No such function: fn\n/, /^$/],
  ['invoke fn', 1, /unexpected status code: 404 - /, /^$/],
  ['secret remove key', 0, /^Removed\.\. OK\.\n$/, /^$/],
];

/** Of logs it is run again until they are kept, of all else once. */
async function runUntilTold(args: string[], stdout: RegExp): Promise<CliResult> {
  if (args[0] !== 'logs') return host.cli.run(...args);
  return until(async () => {
    const result = await host.cli.run(...args);
    return stdout.test(result.stdout) ? result : undefined;
  });
}

test.serial('the faas-cli of October 2021 prints what it should, and ends as it should', async (t) => {
  for (const [line, code, stdout, stderr] of commands) {
    const args = line.split(' ').map((word) => (word === 'IMAGE' ? image : word));
    const result = await runUntilTold(args, stdout);
    t.is(result.code, code, `${line}\n${result.stdout}`);
    t.regex(result.stdout, stdout, line);
    t.regex(result.stderr, stderr, line);
  }
});

test.serial('a function finds the gateway by its whole name, with a last dot too', async (t) => {
  const { cli, berth } = host;
  for (const name of ['gateway.openfaas', 'gateway.openfaas.svc.cluster.local.']) {
    const fprocess = `wget -q -O - http://${name}:${berth.port}/healthz`;
    await cli.run('deploy', '--image', image, '--name', 'asks', '--fprocess', fprocess);
    t.like(await berth.invoke('asks', { method: 'POST' }), { status: 200, text: 'OK' });
  }
});
