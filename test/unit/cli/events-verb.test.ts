import { PassThrough } from 'node:stream';
import test from 'ava';
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
