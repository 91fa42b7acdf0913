import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { startAsync } from '../gateway/async/with-async.ts';
import { runVerb } from './run-verb.ts';

/** Two functions, one of which fails for good at once and says what moves a cursor. */
async function start(t: ExecutionContext, idle = false) {
  const world = await startAsync(t, {
    idle,
    listener: (req, res) =>
      void res.writeHead(req.url?.startsWith('/fail') ? 500 : 200).end(Buffer.from('\u001b[31mred\u001b[2J\u0007\n')),
  });
  const kept = { 'com.openfaas.async.keep-result': 'true', 'com.openfaas.retry.attempts': '1' };
  world.provider.add('fn', 1, kept);
  world.provider.add('fn', 1, kept, 'dev');
  const env = { port: String(world.port), bind: '127.0.0.1', basic_auth: 'false' };
  const run = (...args: string[]) => runVerb(['async', ...args], env);
  const call = async (id: string, path = 'fn') => {
    await world.post(path, { headers: { 'x-call-id': id } });
    if (!idle) await world.untilState(id, 'done', 'failed');
  };
  return { ...world, run, call };
}

test('calls are counted for each function and listed, newest first, as text and for programs', async (t) => {
  const { run, call } = await start(t);
  t.is((await run('list')).stdout, 'no asynchronous calls\n');
  await call('one');
  await call('two', 'fn.dev/fail');
  const lines = (await run('list')).stdout.split('\n').map((line) => line.split(/ {2,}/));
  t.deepEqual(
    lines.map((line) => line.filter((cell) => !/^\d{4}-.*Z$/.test(cell))),
    [
      ['FUNCTION', 'QUEUED', 'RUNNING', 'DONE', 'FAILED', 'CANCELLED', 'DEAD'],
      ['fn.openfaas-fn', '0', '0', '1', '0', '0', '0'],
      ['fn.dev', '0', '0', '0', '1', '0', '1'],
      [''],
      ['ID', 'FUNCTION', 'STATE', 'ATTEMPTS', 'QUEUED AT', 'LAST ANSWER'],
      ['two', 'fn.dev', 'dead', '1', '500'],
      ['one', 'fn.openfaas-fn', 'done', '1', '200'],
      [''],
    ],
  );
  t.notRegex((await run('list', '--function', 'fn.dev')).stdout, /one/);
  t.notRegex((await run('list', '--state', 'dead', '--limit', '1')).stdout, /one/);
  const { calls } = JSON.parse((await run('list', '--json')).stdout) as { calls: { id: string }[] };
  t.deepEqual(
    calls.map(({ id }) => id),
    ['two', 'one'],
  );
});

test('a call is shown with its answer, and nothing in it moves the cursor', async (t) => {
  const { run, port, untilState } = await start(t);
  const socket = connect(port, '127.0.0.1');
  const head =
    'POST /async-function/fn HTTP/1.1\r\nHost: a\r\nX-Call-Id: c1\r\nConnection: close\r\nContent-Length: 0\r\n';
  socket.write(`${head}X-Callback-Url: http://gateway/function/fn/a\u009b2J\r\n\r\n`, 'latin1');
  t.regex(await text(socket), /^HTTP\/1.1 202/);
  await untilState('c1', 'done');
  const { stdout } = await run('show', 'c1');
  t.regex(stdout, /^lastStatus +200$/m);
  t.regex(stdout, /^callbackUrl +http:.*\/a\\x9b2J$/m);
  t.true(stdout.endsWith('\n\u001b[31mred\\x1b[2J\\x07\n'));
  const shown = JSON.parse((await run('show', 'c1', '--json')).stdout) as { result: { text: string } };
  t.is(shown.result.text, '\u001b[31mred\u001b[2J\u0007\n');
});

test('dead calls are replayed, and waiting ones dropped; what cannot be is told, and the others are done', async (t) => {
  const { run, call, untilState } = await start(t);
  await call('dead', 'fn/fail');
  await call('done');
  const replayed = await run('replay', 'done', 'absent', 'dead');
  t.deepEqual([replayed.code, replayed.stdout], [1, 'dead is queued again\n']);
  t.regex(replayed.stderr, /^call done is not dead: .*\nno call "absent": .*\n$/);
  await untilState('dead', 'failed');
  t.is((await run('cancel', 'dead')).code, 1);
  const waiting = await start(t, true);
  await waiting.call('waits');
  t.deepEqual(await waiting.run('cancel', 'waits'), { code: 0, stdout: 'waits is cancelled\n', stderr: '' });
  t.is((await waiting.queue.get('waits'))?.state, 'cancelled');
});

test('callbacks whose calls are forgotten are listed', async (t) => {
  const { run, queue } = await start(t, true);
  const fn = { name: 'fn', namespace: 'openfaas-fn' };
  const posted = { fn, path: '', headers: [], url: 'http://gateway/function/fn', kind: 'callback' as const };
  await queue.add({ id: 'posted', ...posted }, Buffer.alloc(0));
  t.regex((await run('list')).stdout, /^posted +fn\.openfaas-fn \(callback\) +queued/m);
});

for (const args of [
  [],
  ['list', 'one'],
  ['show'],
  ['show', 'a', 'b'],
  ['cancel'],
  ['replay'],
  ['forget', 'a'],
  ['constructor', 'a'],
  ['list', '--since', '1h'],
]) {
  test(`berth async ${args.join(' ')} is wrong use`, async (t) => {
    // Said without a password that could be read.
    const { code, stderr } = await runVerb(['async', ...args], { secret_mount_path: '/absent' });
    t.is(code, 2);
    t.regex(stderr, /^berth async: .*; see berth async --help\n$/);
  });
}
