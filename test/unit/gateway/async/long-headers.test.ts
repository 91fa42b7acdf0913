import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import test from 'ava';
import { until } from '../../../helpers/poll.ts';
import { startAsync } from './with-async.ts';

/** Just under what a caller may send, and what is read of an answer. */
const [sent, answered] = ['q'.repeat(130_400), 'a'.repeat(260_000)];

test('headers that a caller may send, and a function answer, pass the queue and a callback to a function', async (t) => {
  const seen: IncomingMessage[] = [];
  const world = await startAsync(t, {
    listener: (req, res) => {
      seen.push(req);
      res.writeHead(200, req.url === '/sink' ? { 'X-Sunk': answered } : { 'X-Answered': answered }).end();
    },
  });
  world.provider.add('fn', 1);
  const headers = { 'X-Sent': sent, 'X-Call-Id': 'long', 'X-Callback-Url': 'http://gateway:8080/function/fn/sink' };
  const posting = request(`${world.url}/async-function/fn`, { method: 'POST', headers }).end();
  const [response] = (await once(posting, 'response')) as [IncomingMessage];
  response.resume();
  t.is(response.statusCode, 202);
  t.like(await world.untilState('long', 'done', 'failed'), { state: 'done', attempts: 1, lastStatus: 200 });
  await until(() => Promise.resolve(seen.length > 1), { timeoutMs: 20_000, message: 'the callback' });
  t.is(seen[0]?.headers['x-sent'], sent);
  t.is(seen[1]?.headers['x-answered'], answered);
  await until(async () => /async_callbacks_total\{.*result="done".*\} 1/.test(await world.registry.metrics()));
});
