import { PassThrough } from 'node:stream';
import test from 'ava';
import { until } from '../../helpers/poll.ts';
import { runVerb } from './run-verb.ts';
import { serveTold } from './told-provider.ts';

const line = {
  name: 'hello',
  namespace: 'openfaas-fn',
  instance: 'r1',
  timestamp: '2026-01-01T00:00:00.5Z',
  text: 'hi',
};

test('lines are shown with time and replica, without what moves the cursor', async (t) => {
  const { provider, env } = await serveTold(t);
  provider.lines = [line, { ...line, instance: 'r2', text: '\u001b[31mred\u001b[0m\ttab \u001b[2J\u0007' }];
  const { code, stdout } = await runVerb(['logs', 'hello'], env);
  t.is(code, 0);
  t.is(stdout, '2026-01-01T00:00:00.5Z r1 hi\n2026-01-01T00:00:00.5Z r2 \u001b[31mred\u001b[0m\ttab \\x1b[2J\\x07\n');
});

test('programs get each line as an object', async (t) => {
  const { provider, env } = await serveTold(t);
  const odd = { ...line, text: 'one\u2028line\u2029' };
  provider.lines = [odd];
  const { stdout } = await runVerb(['logs', 'hello', '--json'], env);
  t.deepEqual(JSON.parse(stdout), odd);
});

test('what is asked for reaches the API', async (t) => {
  const { provider, env } = await serveTold(t);
  await runVerb(['logs', 'hello', '-n', 'staging', '--tail', '3', '--instance', 'r1', '--since', '10m'], env);
  provider.cut.abort();
  await runVerb(['logs', 'hello.staging', '--since', '2026-01-31T15:04:05Z', '-f'], env);
  const [first, second] = provider.asked;
  t.like(first, { name: 'hello', namespace: 'staging', tail: 3, instance: 'r1', follow: false });
  const agoMs = Date.now() - (first?.since?.getTime() ?? 0);
  t.true(agoMs >= 600_000 && agoMs < 660_000);
  t.like(second, { name: 'hello', namespace: 'staging', follow: true, since: new Date('2026-01-31T15:04:05Z') });
});

test('who follows lines follows on where berth starts anew, without a line twice', async (t) => {
  const { provider, env } = await serveTold(t);
  provider.add('hello', 1);
  provider.lines = [line, line, { ...line, timestamp: '2026-01-01T00:00:01Z', text: 'two' }];
  const leaving = new AbortController();
  const stdout = new PassThrough();
  let shown = '';
  stdout.on('data', (chunk) => (shown += String(chunk)));
  const followed = runVerb(['logs', 'hello', '-f', '--tail', '9'], env, { signal: leaving.signal, stdout });
  await until(() => Promise.resolve(shown.endsWith('two\n')));
  const [, , two] = provider.lines;
  const cut = provider.cut;
  provider.cut = new AbortController();
  if (two) provider.lines = [two, two, { ...two, text: 'three' }];
  cut.abort();
  await until(() => Promise.resolve(shown.endsWith('three\n')), { timeoutMs: 10_000, message: 'the new line' });
  leaving.abort();
  const { code, stderr } = await followed;
  t.deepEqual([code, stderr], [0, '']);
  t.deepEqual(
    shown.split('\n').map((each) => each.split(' ')[2]),
    ['hi', 'hi', 'two', 'two', 'three', undefined],
  );
  t.like(provider.asked[1], { since: new Date('2026-01-01T00:00:01Z'), tail: undefined, follow: true });
});

test('who follows a function that goes is at the end with it', async (t) => {
  const { provider, env } = await serveTold(t);
  provider.lines = [line];
  provider.cut.abort();
  const { code, stdout } = await runVerb(['logs', 'hello', '-f'], env);
  t.is(code, 0);
  t.is(stdout, '2026-01-01T00:00:00.5Z r1 hi\n');
});

test('a function that is unknown, and what cannot be read, are said', async (t) => {
  const { env } = await serveTold(t);
  const absent = await runVerb(['logs', 'absent'], env);
  t.is(absent.code, 1);
  t.regex(absent.stderr, /^berth logs: .*absent/);
  for (const wrong of [[], ['a', 'b'], ['UPPER'], ['a', '--tail', 'x'], ['a', '--since', 'yesterday']]) {
    const { code, stderr } = await runVerb(['logs', ...wrong], env);
    t.is(code, 2, wrong.join(' '));
    t.regex(stderr, /see berth logs --help/);
  }
});
