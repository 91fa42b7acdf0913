/** Asynchronous calls of a whole daemon: what is accepted is made, told, called back, cancelled, and outlives restarts. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { absentAs } from '../../../src/base/absent-file.ts';
import type { CallView } from '../../../src/gateway/index.ts';
import { password, username, type TestBerth } from '../../helpers/berth.ts';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { run } from '../../helpers/processes.ts';
import { runVerb } from '../../unit/cli/run-verb.ts';
import { startHost, wholeLog, type TestHost } from '../functions/setup.ts';

let host: TestHost;
test.before(async () => {
  host = await startHost({ env: { async_concurrency: '20', callback_allow: '127.0.0.9' } });
  const { reference: image } = await functionImage(host.registry);
  for (const [service, labels] of Object.entries({
    env: { 'com.openfaas.async.keep-result': 'true' },
    slow: {},
    sink: {},
    failing: { 'com.openfaas.retry.attempts': '2', 'com.openfaas.retry.min_wait': '10ms' },
  })) {
    const { status, text } = await host.berth.api('POST', '/system/functions', { service, image, labels });
    if (status !== 202) throw new Error(`deploy of ${service}: ${status} ${text}`);
  }
});
test.after.always(() => host?.stop());
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-20_000));
});

interface Posted {
  status: number;
  id: string;
}

async function post(path: string, headers: Record<string, string> = {}, body = ''): Promise<Posted> {
  const response = await fetch(`${host.berth.url}/async-function/${path}`, { method: 'POST', headers, body });
  await response.text();
  return { status: response.status, id: response.headers.get('x-call-id') ?? '' };
}

async function viewOf(id: string): Promise<CallView> {
  const { status, text } = await host.berth.api('GET', `/async-function/${id}`);
  if (status !== 200) throw new Error(`call ${id}: ${status} ${text}`);
  return JSON.parse(text) as CallView;
}

function untilState(id: string, ...states: string[]): Promise<CallView> {
  return until(
    async () => {
      const view = await viewOf(id);
      return states.includes(view.state) ? view : undefined;
    },
    { timeoutMs: 60_000, message: `call ${id} to be ${states.join(' or ')}` },
  );
}

/** How often a daemon began to serve. */
async function served(): Promise<number> {
  return (await wholeLog(host.berth)).split(' berth serves ').length;
}

function logsOf(berth: TestBerth, name: string): Promise<string> {
  return berth.api('GET', `/system/logs?name=${name}&follow=false`).then(({ text }) => text);
}

test.serial(
  'a call is made with its body, path and id, and its answer is kept where the function wants it',
  async (t) => {
    const { status, id } = await post('env/echo?a=b', { 'x-call-id': 'call.of_mine-1' }, 'hello');
    t.deepEqual({ status, id }, { status: 202, id: 'call.of_mine-1' });
    const { result, ...told } = await untilState(id, 'done', 'failed');
    t.like(told, { function: 'env', namespace: 'openfaas-fn', state: 'done', attempts: 1, lastStatus: 200 });
    t.is(result && 'text' in result ? result.text : undefined, 'hello');
    t.is((await post('env', { 'x-call-id': id })).status, 409);
    t.is((await post('absent')).status, 404);
    t.is((await post('env', { 'x-callback-url': 'http://127.0.0.1:8080/' })).status, 400);
  },
);

test.serial('an answer is posted to a function by the name of the gateway', async (t) => {
  const { id } = await post('env/status/418', {
    'x-callback-url': 'http://gateway:8080/function/sink/log/called-back',
  });
  t.is((await untilState(id, 'done')).lastStatus, 418);
  await until(async () => (await logsOf(host.berth, 'sink')).includes('called-back'), { timeoutMs: 20_000 });
  t.pass();
});

test.serial('a call that fails for good is dead, is replayed, and is cancelled', async (t) => {
  const { id } = await post('failing/status/503');
  t.like(await untilState(id, 'failed'), { dead: true, attempts: 2, lastStatus: 503 });
  const env = {
    port: String(host.berth.port),
    secret_mount_path: `${host.berth.folder}/auth`,
  };
  t.regex((await runVerb(['async', 'list', '--state', 'dead'], env)).stdout, new RegExp(id));
  t.is((await runVerb(['async', 'replay', id], env)).stdout, `${id} is queued again\n`);
  t.true((await untilState(id, 'failed')).attempts <= 2);
  t.is((await runVerb(['async', 'cancel', id], env)).code, 1);
});

test.serial('a call that runs is ended when it is cancelled', async (t) => {
  const { id } = await post('slow/sleep/120000');
  await untilState(id, 'running');
  await until(async () => (await host.berth.invoke('slow/peak')).text.startsWith('1 '), { timeoutMs: 20_000 });
  t.is((await host.berth.api('DELETE', `/async-function/${id}`)).status, 202);
  t.is((await untilState(id, 'cancelled', 'done', 'failed')).state, 'cancelled');
  await until(async () => (await logsOf(host.berth, 'slow')).includes('caller left'), { timeoutMs: 20_000 });
});

test.serial('calls that a kill cut short or left waiting are made by the next daemon', async (t) => {
  const calls = await Promise.all(Array.from({ length: 40 }, (_, at) => post(`slow/sleep/${at < 10 ? 5000 : 10}`)));
  t.true(calls.every(({ status }) => status === 202));
  await until(async () => (await viewOf(calls[0]?.id ?? '')).state === 'running');
  await host.berth.kill('SIGKILL');
  await host.berth.start();
  for (const { id } of calls) t.like(await untilState(id, 'done', 'failed'), { state: 'done', lastStatus: 200 });
});

test.serial('a call under way at an upgrade ends in the daemon that began it, and is made once', async (t) => {
  const { id: long } = await post('env/sleep/4000');
  await untilState(long, 'running');
  const before = await served();
  process.kill(host.berth.pid, 'SIGTERM');
  await host.berth.start();
  // Until it has given up its port, the one before answers.
  await until(async () => (await served()) > before, { timeoutMs: 60_000, message: 'the next daemon to serve' });
  const { id: next } = await post('env/echo', {}, 'next');
  t.is((await untilState(next, 'done')).attempts, 1);
  t.like(await untilState(long, 'done'), { attempts: 1, lastStatus: 200 });
});

test.serial('no port of the host is called back by a public address of its own', async (t) => {
  await run('ip', ['address', 'add', '203.0.113.7/32', 'dev', 'lo']);
  const posted = await post('env', { 'x-callback-url': `http://203.0.113.7:${host.berth.port}/system/info` });
  await run('ip', ['address', 'delete', '203.0.113.7/32', 'dev', 'lo']);
  t.is(posted.status, 400);
});

test.serial('what callers send and are answered is in no log line, and in no file that others read', async (t) => {
  const headers = { authorization: 'Bearer the-hidden-word', cookie: 'a=the-hidden-word' };
  // Nobody listens there, so that the callback fails and is told.
  const callback = { 'x-callback-url': 'http://127.0.0.9:9/hook?token=the-hidden-word' };
  const { id } = await post('env/echo', { ...headers, ...callback }, `the-hidden-word${'.'.repeat(10_000)}`);
  await untilState(id, 'done');
  await post('slow/sleep/1?the-hidden-word', headers, `the-hidden-word${'.'.repeat(10_000)}`);
  await until(async () => /callback is tried again.*ECONNREFUSED/.test(await wholeLog(host.berth)));
  t.notRegex(await wholeLog(host.berth), /the-hidden-word/);
  const folder = join(host.berth.folder, 'data/async');
  for (const name of ['.', ...(await readdir(folder, { recursive: true }))]) {
    // Bodies go as their calls are made.
    const mode = await stat(join(folder, name)).then(({ mode: found }) => found & 0o077, absentAs(0));
    t.is(mode, 0, name);
  }
});

test.serial('the password is asked for what became of calls', async (t) => {
  for (const [method, path] of [
    ['GET', '/async-function/some'],
    ['DELETE', '/async-function/some'],
    ['GET', '/system/async'],
    ['POST', '/system/async/some/replay'],
  ] as const) {
    t.is((await fetch(host.berth.url + path, { method })).status, 401, path);
    const authorization = `Basic ${btoa(`${username}:${password}`)}`;
    const known = await fetch(host.berth.url + path, { method, headers: { authorization } });
    t.is(known.status, path === '/system/async' ? 200 : 404, path);
  }
});
