import test from 'ava';
import type { ScheduleView } from '../../../../src/gateway/async/index.ts';
import type { AsyncList } from '../../../../src/gateway/index.ts';
import { until } from '../../../helpers/poll.ts';
import { startAsync } from './with-async.ts';

const idOf = (response: Response) => response.headers.get('x-call-id') ?? '';

test('what became of a call is told, with its answer where the function wants it kept', async (t) => {
  const { provider, post, untilState } = await startAsync(t, {
    listener: (req, res) =>
      void res.writeHead(req.url === '/bytes' ? 404 : 200, { 'content-type': 'a/b' }).end(Buffer.from([255, 0])),
  });
  provider.add('keeping', 1, { 'com.openfaas.async.keep-result': 'true' });
  provider.add('plain', 1);
  const kept = await untilState(idOf(await post('keeping/bytes')), 'done');
  t.like(kept, { function: 'keeping', attempts: 1, lastStatus: 404, dead: false });
  t.deepEqual(kept.result, { contentType: 'a/b', base64: '/wA=' });
  t.is((await untilState(idOf(await post('plain')), 'done')).result, undefined);
});

test('calls are counted, listed newest first, and filtered', async (t) => {
  const { url, provider, post } = await startAsync(t, { idle: true });
  provider.add('one', 1);
  provider.add('two', 1);
  for (const id of ['a', 'b', 'c']) await post('one', { headers: { 'x-call-id': id } });
  await post('two', { headers: { 'x-call-id': 'd' } });
  await fetch(`${url}/async-function/a`, { method: 'DELETE' });
  const list = async (query: string) => (await (await fetch(`${url}/system/async${query}`)).json()) as AsyncList;
  const ids = async (query: string) => (await list(query)).calls.map(({ id }) => id);
  t.deepEqual(await ids(''), ['d', 'c', 'b', 'a']);
  t.deepEqual(await ids('?function=one&limit=1'), ['c']);
  t.deepEqual(await ids('?function=one&before=c'), ['b', 'a']);
  t.deepEqual(await ids('?function=one.openfaas-fn&state=cancelled'), ['a']);
  t.deepEqual(await ids('?state=dead'), []);
  const { functions } = await list('?function=one');
  t.is(functions.length, 1);
  t.like(functions[0], { name: 'one', namespace: 'openfaas-fn', queued: 2, cancelled: 1, running: 0 });
  for (const query of ['?state=lost', '?limit=0', '?limit=1001', '?limit=x', '?function=UPPER'])
    t.is((await fetch(`${url}/system/async${query}`)).status, 400, query);
});

test('a call that runs is ended by DELETE, and one that has ended is not', async (t) => {
  let left = false;
  const { url, provider, post, untilState } = await startAsync(t, {
    listener: (req, res) => void (req.url === '/hang' ? res.once('close', () => (left = true)) : res.end()),
  });
  provider.add('env', 1);
  const remove = async (id: string) => (await fetch(`${url}/async-function/${id}`, { method: 'DELETE' })).status;
  const hanging = idOf(await post('env/hang'));
  await untilState(hanging, 'running');
  t.is(await remove(hanging), 202);
  await untilState(hanging, 'cancelled');
  await until(() => left);
  t.is(await remove(hanging), 202);
  const done = idOf(await post('env'));
  await untilState(done, 'done');
  t.is(await remove(done), 409);
  t.is(await remove('unknown'), 404);
});

test('a call whose function is not there is tried again', async (t) => {
  const { queue, untilState } = await startAsync(t);
  const fn = { name: 'gone', namespace: 'openfaas-fn' };
  await queue.add({ id: 'call', kind: 'call', fn, path: '', headers: [] }, Buffer.alloc(0));
  await until(async () => (await queue.get('call'))?.last !== undefined);
  const told = await untilState('call', 'queued');
  t.like(told, { attempts: 1, lastStatus: 404, lastError: 'the function is not there' });
});

test('a call that failed for good is dead until it is replayed', async (t) => {
  let status = 503;
  const { url, provider, post, untilState } = await startAsync(t, {
    listener: (_req, res) => void res.writeHead(status).end(),
  });
  const replay = async (id: string) => (await fetch(`${url}/system/async/${id}/replay`, { method: 'POST' })).status;
  provider.add('env', 1, { 'com.openfaas.retry.attempts': '1' });
  const id = idOf(await post('env'));
  t.like(await untilState(id, 'failed'), { dead: true, lastStatus: 503, attempts: 1 });
  status = 200;
  t.is(await replay(id), 202);
  t.like(await untilState(id, 'done'), { dead: false, lastStatus: 200, attempts: 1 });
  t.is(await replay(id), 409);
  t.is(await replay('unknown'), 404);
});

test('functions with schedules are listed with their next times', async (t) => {
  const { url, provider, asyncCalls } = await startAsync(t, { idle: true });
  const often = { topic: 'cron-function', schedule: '@every 1h; 0 0 1 1 *', timezone: 'UTC' };
  asyncCalls.follow([provider.add('plain', 1), { ...provider.add('often', 1), annotations: often }]);
  const [listed, ...others] = (await (await fetch(`${url}/system/schedules`)).json()) as ScheduleView[];
  t.deepEqual(others, []);
  t.like(listed, { name: 'often', namespace: 'openfaas-fn', schedules: ['@every 1h', 'CRON_TZ=UTC 0 0 1 1 *'] });
  t.is(listed?.nextRuns.length, 3);
  t.true(listed?.nextRuns.every((at) => Date.parse(at) > Date.now()));
});
