import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { EventFeed, type SystemEvent } from '../../../src/provider/index.ts';
import { until } from '../../helpers/poll.ts';
import { startGateway } from '../gateway/with-gateway.ts';
import { CountingProvider } from '../gateway/counting-provider.ts';
import { runVerb } from './run-verb.ts';

class TellingProvider extends CountingProvider {
  readonly events = new EventFeed();
}

async function start(t: Parameters<typeof startGateway>[0]) {
  const provider = new TellingProvider();
  const { url } = await startGateway(t, { gateway: { provider } });
  return { feed: provider.events, env: { port: new URL(url).port, bind: '127.0.0.1', basic_auth: 'false' } };
}

/** What is absent is not sent. */
function sent(feed: EventFeed): unknown[] {
  return JSON.parse(JSON.stringify(feed.recent())) as unknown[];
}

const of = { name: 'fn', namespace: 'openfaas-fn' };

test('what happened lately is shown, and nothing in it moves the cursor', async (t) => {
  const { feed, env } = await start(t);
  feed.tell({ kind: 'berth-started', severity: 'info', text: 'berth 1 started' });
  feed.tell({ kind: 'secret-changed', severity: 'info', text: 'secret a was created', namespace: 'dev' });
  feed.tell({
    kind: 'replica-exited',
    severity: 'warn',
    text: 'replica exited: \u001b[2J\u0007',
    ...of,
    replica: 'abc',
  });
  const { code, stdout } = await runVerb(['events'], env);
  t.is(code, 0);
  t.deepEqual(
    stdout.split('\n').map((line) => line.replace(/^\d{4}-\S+Z /, '')),
    ['berth 1 started', 'dev: secret a was created', 'warn: fn.openfaas-fn: replica exited: \\x1b[2J\\x07', ''],
  );
});

test('events of one function are shown, as objects for programs', async (t) => {
  const { feed, env } = await start(t);
  for (const name of ['fn', 'other']) feed.tell({ kind: 'removed', severity: 'info', text: 'removed', ...of, name });
  const { stdout } = await runVerb(['events', '--function', 'fn', '--json'], env);
  t.deepEqual([JSON.parse(stdout)], sent(feed).slice(0, 1));
});

test('who follows is shown what comes, each event once, until Ctrl-C', async (t) => {
  const { feed, env } = await start(t);
  const [stdout, leaving] = [new PassThrough(), new AbortController()];
  let shown = '';
  stdout.on('data', (text: Buffer) => (shown += text.toString()));
  feed.tell({ kind: 'deployed', severity: 'info', text: 'deployed', ...of });
  const running = runVerb(['events', '-f', '--json'], env, { stdout, signal: leaving.signal });
  await until(() => shown.endsWith('\n'));
  feed.tell({ kind: 'removed', severity: 'info', text: 'removed', ...of });
  await until(() => shown.split('\n').length === 3);
  leaving.abort();
  t.is((await running).code, 0);
  const events = shown
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as SystemEvent);
  t.deepEqual(events, sent(feed));
});

const event = (id: string, text = id) => ({ id, at: '2026-01-01T00:00:00Z', kind: 'deployed', severity: 'info', text });
const sentAs = (id: string, text?: string) => `id: ${id}\ndata: ${JSON.stringify(event(id, text))}\n\n`;

/** A server that answers each request for events as it is told, and can be away meanwhile. */
async function serveStreams(t: ExecutionContext, answers: ((res: ServerResponse) => void)[]) {
  const asked: (string | undefined)[] = [];
  const answer = (req: IncomingMessage, res: ServerResponse) => {
    asked.push(req.headers['last-event-id'] as string | undefined);
    answers[Math.min(asked.length, answers.length) - 1]?.(res);
  };
  let server = createServer(answer);
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  t.teardown(() => stop());
  const start = async () => {
    server = createServer(answer);
    await once(server.listen(port, '127.0.0.1'), 'listening');
  };
  return { asked, stop, start, env: { port: String(port), bind: '127.0.0.1', basic_auth: 'false' } };
}

test('who follows is shown each event once, also where berth was away or cut one in the middle', async (t) => {
  const answers = [
    (res: ServerResponse) => void res.end(sentAs('a-1') + sentAs('a-2', 'of\u2028two lines')),
    (res: ServerResponse) => void res.writeHead(503).end('berth is being restarted'),
    (res: ServerResponse) => res.write(`${sentAs('a-3')}id: a-4\ndata: {"id":"a-4","te`, () => res.destroy()),
    (res: ServerResponse) => void res.write(`:\n\n${sentAs('a-4')}`),
    (res: ServerResponse) => void res.write(sentAs('b-1')),
  ];
  const { asked, stop, start, env } = await serveStreams(t, answers);
  const [stdout, leaving] = [new PassThrough(), new AbortController()];
  let shown = '';
  stdout.on('data', (text: Buffer) => (shown += text.toString()));
  const running = runVerb(['events', '-f', '--json'], env, { stdout, signal: leaving.signal });
  await until(() => shown.includes('a-4'));
  stop();
  await start();
  await until(() => shown.includes('b-1'));
  leaving.abort();
  const { code, stderr } = await running;
  t.is(code, 0);
  t.is(stderr, 'the connection to berth is lost: trying again\n'.repeat(3));
  const ids = shown.split('\n').flatMap((line) => (line === '' ? [] : (JSON.parse(line) as SystemEvent).id));
  t.deepEqual(ids, ['a-1', 'a-2', 'a-3', 'a-4', 'b-1']);
  t.deepEqual(asked, [undefined, 'a-2', 'a-2', 'a-3', 'a-4']);
});

test('who follows and is refused meanwhile is told so', async (t) => {
  const { env } = await serveStreams(t, [
    (res) => void res.end(sentAs('a-1')),
    (res) => void res.writeHead(401).end('invalid credentials'),
  ]);
  const { code, stdout, stderr } = await runVerb(['events', '-f'], env);
  t.is(code, 1);
  t.is(stdout, '2026-01-01T00:00:00Z a-1\n');
  t.regex(stderr, /invalid credentials/);
});

test('events of one namespace are shown', async (t) => {
  const { feed, env } = await start(t);
  feed.tell({ kind: 'removed', text: 'removed', ...of });
  feed.tell({ kind: 'removed', text: 'removed', ...of, namespace: 'dev' });
  feed.tell({ kind: 'removed', text: 'removed', name: 'other', namespace: 'dev' });
  const shown = async (...args: string[]) => (await runVerb(['events', '--json', ...args], env)).stdout;
  const [, inDev = '', otherInDev = ''] = sent(feed).map((event) => `${JSON.stringify(event)}\n`);
  t.is(await shown('--namespace', 'dev'), `${inDev}${otherInDev}`);
  t.is(await shown('-n', 'dev', '--function', 'fn'), inDev);
});

test('a berth that does not answer is said, also to who follows', async (t) => {
  const { code, stderr } = await runVerb(['events', '-f'], { port: '1', bind: '127.0.0.1', basic_auth: 'false' });
  t.is(code, 1);
  t.regex(stderr, /berth does not answer at 127\.0\.0\.1:1/);
});

for (const args of [['fn'], ['--since', '1h']]) {
  test(`berth events ${args.join(' ')} is wrong use`, async (t) => {
    const { code, stderr } = await runVerb(['events', ...args], { secret_mount_path: '/absent' });
    t.is(code, 2);
    t.regex(stderr, /see berth events --help\n$/);
  });
}
