import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { QueueUnreachableError } from '../../../../src/gateway/async/queue-errors.ts';
import { until } from '../../../helpers/poll.ts';
import { fnOf, hasty, startWorking } from './working.ts';

const told = (message: string) => ({ timeoutMs: 30_000, message });

/** Answers everything so. */
const answering =
  (status: number, body = '', headers: Record<string, string> = {}) =>
  (req: IncomingMessage, res: ServerResponse) =>
    void req.resume().on('end', () => res.writeHead(status, headers).end(body));

test('a call is made as it was sent, and its answer is kept where the function wants it', async (t) => {
  const seen: string[] = [];
  const world = await startWorking(t, {
    annotations: { 'com.openfaas.async.keep-result': 'true' },
    listener: (req, res) =>
      void text(req).then((body) => {
        seen.push(`${req.method} ${req.url} ${String(req.headers['x-call-id'])} ${String(req.headers['x-a'])} ${body}`);
        res.writeHead(201, { 'Content-Type': 'text/a' }).end('made');
      }),
  });
  await world.add(
    {
      id: 'c1',
      path: '/a%2Fb?q=1',
      headers: [
        ['X-Call-Id', 'c1'],
        ['X-A', 'b'],
      ],
    },
    'body',
  );
  const call = await world.ended('c1');
  t.deepEqual(seen, ['POST /function/fn.openfaas-fn/a%2Fb?q=1 c1 b body']);
  t.like(call, { state: 'done', attempts: 1, last: { status: 201 }, result: { contentType: 'text/a' } });
  t.is(String(call.result?.body), 'made');
  t.regex(
    await world.registry.metrics(),
    /queue_worker_messages_processed_total\{.*function_name="fn\.openfaas-fn"\} 1/,
  );
});

test('a call whose body cannot be read while the queue is away is no attempt', async (t) => {
  let reads = 0;
  const away = () =>
    new Readable({
      read() {
        this.destroy(new QueueUnreachableError());
      },
    });
  const handed: (boolean | undefined)[] = [];
  const world = await startWorking(t, {
    annotations: { ...hasty, 'com.openfaas.retry.attempts': '1' },
    listener: answering(200),
    sent: (call) => (reads++ === 0 ? { ...call, body: away } : call),
  });
  const { queue } = world;
  const retry = queue.retry.bind(queue);
  queue.retry = (id, again) => {
    handed.push(again.uncounted);
    return retry(id, { ...again, dueMs: Date.now() });
  };
  await world.add({ id: 'c1' }, 'body');
  t.like(await world.ended('c1'), { state: 'done', attempts: 1, last: { status: 200 } });
  t.deepEqual(handed, [true]);
});

test('an answer is not kept where nobody wants it, nor a long one', async (t) => {
  const annotations = { 'com.openfaas.async.keep-result': 'true' };
  const long = await startWorking(t, { annotations, listener: answering(200, 'x'.repeat(65_537)) });
  await long.add({ id: 'c1' });
  t.is((await long.ended('c1')).result, undefined);
  const other = await startWorking(t, { listener: answering(200, 'short') });
  await other.add({ id: 'c1' });
  t.is((await other.ended('c1')).result, undefined);
});

test('a call is tried again until it is answered, and the callback tells how often', async (t) => {
  let calls = 0;
  const world = await startWorking(t, {
    annotations: hasty,
    listener: (req, res) => {
      calls += 1;
      return answering(calls < 3 ? 503 : 200, 'answer', { 'X-Own': 'yes', 'Set-Cookie': 'a=b' })(req, res);
    },
  });
  await world.add({ id: 'c1', url: 'http://callback.test/' });
  t.like(await world.ended('c1'), { state: 'done', attempts: 3, last: { status: 200 } });
  const [posted] = await until(() => (world.posted.length > 0 ? world.posted : undefined), told('the callback'));
  t.like(posted, { body: 'answer', callback: { parent: 'c1', url: 'http://callback.test/' } });
  t.like(posted?.headers, {
    ...{ 'X-Call-Id': 'c1', 'X-Function-Name': 'fn', 'X-Function-Status': '200', 'X-Own': 'yes' },
    ...{ 'X-Retry': '2', 'X-Retry-Max': '10' },
  });
  t.regex(posted?.headers['X-Duration-Seconds'] ?? '', /^\d+\.\d{6}$/);
});

test('a call that fails for good is dead, can be replayed, and its last answer is posted', async (t) => {
  let status = 500;
  const world = await startWorking(t, {
    annotations: { ...hasty, 'com.openfaas.retry.attempts': '2' },
    listener: (req, res) => answering(status, 'broken')(req, res),
  });
  await world.add({ id: 'c1', url: 'http://callback.test/' }, 'body');
  t.like(await world.ended('c1'), { state: 'failed', isDead: true, attempts: 2, last: { status: 500 } });
  await until(() => world.posted.length === 1, told('the callback'));
  t.like(world.posted[0], { body: 'broken', headers: { 'X-Function-Status': '500', 'X-Retry': '1' } });
  status = 200;
  t.true(await world.queue.replay('c1'));
  t.like(await world.ended('c1'), { state: 'done', attempts: 1 });
});

test('no answer at all is told as 503, without a body', async (t) => {
  const world = await startWorking(t, {
    annotations: { ...hasty, 'com.openfaas.retry.attempts': '2' },
    listener: (req) => req.socket.destroy(),
  });
  await world.add({ id: 'c1', url: 'http://callback.test/' });
  const call = await world.ended('c1');
  t.like(call, { state: 'failed', attempts: 2 });
  t.truthy(call.last?.error);
  await until(() => world.posted.length === 1, told('the callback'));
  t.like(world.posted[0], { body: '', headers: { 'X-Function-Status': '503' } });
});

test('long answers are posted whole, those over the limit not at all, and say so', async (t) => {
  const size = { bytes: 200_000 };
  const world = await startWorking(t, {
    answerLimitBytes: 300_000,
    listener: (req, res) => answering(200, 'x'.repeat(size.bytes))(req, res),
  });
  await world.add({ id: 'c1', url: 'http://callback.test/' });
  await until(() => world.posted.length === 1, told('the callback'));
  t.is(world.posted[0]?.body.length, 200_000);
  size.bytes = 300_001;
  await world.add({ id: 'c2', url: 'http://callback.test/' });
  t.like(await world.ended('c2'), { state: 'failed', attempts: 1 });
  await until(() => world.posted.length === 2, told('the callback'));
  t.like(world.posted[1], { headers: { 'X-Function-Status': '502' } });
  t.regex(world.posted[1]?.body ?? '', /^its answer has 300001 bytes/);
});

test('a dead letter is given to the function for them, with its history, and is itself kept when that fails', async (t) => {
  const seen: IncomingMessage[] = [];
  const world = await startWorking(t, {
    annotations: { ...hasty, 'com.openfaas.retry.attempts': '2', 'com.openfaas.async.dead-letter': 'buried' },
    listener: (req, res) => {
      if (req.url?.startsWith('/function/buried')) seen.push(req);
      return answering(500)(req, res);
    },
  });
  await world.add(
    {
      id: 'c1',
      path: '/a',
      headers: [
        ['X-Call-Id', 'c1'],
        ['X-A', 'b'],
      ],
    },
    'body',
  );
  t.like(await world.ended('c1'), { state: 'failed', attempts: 2 });
  t.falsy((await world.queue.get('c1'))?.isDead);
  const buried = await until(
    async () => (await world.queue.list({ state: 'dead', limit: 10 }))[0],
    told('the end of the dead letter'),
  );
  t.like(buried, { parent: 'c1', fn: fnOf('buried'), path: '/a' });
  t.is(seen.length, 2);
  t.like(seen[0]?.headers, {
    ...{ 'x-a': 'b', 'x-call-id': buried.id, 'x-dead-letter-call-id': 'c1', 'x-dead-letter-attempts': '2' },
    ...{ 'x-dead-letter-function': 'fn.openfaas-fn', 'x-dead-letter-status': '500', 'content-length': '4' },
  });
});

test('no more calls of a function are under way than it can take', async (t) => {
  let [now, most, made] = [0, 0, 0];
  let isOpen = false;
  const held: (() => void)[] = [];
  const world = await startWorking(t, {
    ...{ replicas: 2, maxInflight: 3 },
    listener: (req, res) => {
      most = Math.max(most, (now += 1));
      const answer = () => {
        now -= 1;
        made += 1;
        answering(200)(req, res);
      };
      if (isOpen) setTimeout(answer, 5);
      else held.push(answer);
    },
  });
  for (let id = 0; id < 50; id += 1) await world.add({ id: `c${id}` });
  await until(() => held.length === 6, told('as many as may be'));
  isOpen = true;
  for (const answer of held) answer();
  await until(() => made === 50, told('all calls'));
  t.is(most, 6);
});

test('the backlog of a function keeps out nobody, and all together are no more than may be', async (t) => {
  const held: ServerResponse[] = [];
  const world = await startWorking(t, {
    ...{ annotations: { 'com.openfaas.async.concurrency': '1000' }, concurrency: 20 },
    listener: (req, res) => {
      if (req.url?.includes('slow')) held.push(res);
      else answering(200)(req, res);
    },
  });
  for (let id = 0; id < 100; id += 1) await world.add({ id: `slow${id}`, fn: fnOf('slow') });
  await until(() => held.length >= 10, told('slow calls'));
  await world.add({ id: 'c1', fn: fnOf('quick') });
  t.is((await world.ended('c1')).state, 'done');
  t.true(held.length < 20, 'no slow call had to end for it');
});

test('a call that is cancelled while it runs ends its function, and is not tried again', async (t) => {
  const held: ServerResponse[] = [];
  const world = await startWorking(t, { listener: (_req, res) => void held.push(res) });
  await world.add({ id: 'c1', url: 'http://callback.test/' });
  const [res] = await until(() => (held.length > 0 ? held : undefined), told('the call'));
  t.is(await world.queue.cancel('c1'), 'running');
  const closed = res && once(res, 'close');
  world.worker.abort('c1');
  await closed;
  t.like(await world.ended('c1'), { state: 'cancelled', attempts: 1 });
  t.is(world.posted.length, 0);
});

test('at its end it finishes what it had taken, takes nothing more, and hands back what was cut', async (t) => {
  const held: ServerResponse[] = [];
  const world = await startWorking(t, {
    ...{ annotations: { 'com.openfaas.async.concurrency': '2' } },
    listener: (_req, res) => void held.push(res),
  });
  for (const id of ['c1', 'c2', 'c3']) await world.add({ id });
  await until(() => held.length === 2, told('two calls'));
  const stopped = world.stop();
  const [first, second] = held;
  first?.end('done');
  second?.writeHead(503, { 'X-OpenFaaS-Internal': 'proxy' }).end();
  await stopped;
  t.is(held.length, 2);
  t.like(await world.queue.get('c1'), { state: 'done', attempts: 1 });
  t.like(await world.queue.get('c2'), { state: 'queued', attempts: 0 });
  t.like(await world.queue.get('c3'), { state: 'queued', attempts: 0 });
});

test('at its end a callback that hangs is handed back', async (t) => {
  const began = Promise.withResolvers<void>();
  const world = await startWorking(t, {
    listener: answering(200),
    post: (_callback, signal) => {
      began.resolve();
      return once(signal, 'abort').then(() => Promise.reject(signal.reason as Error));
    },
  });
  await world.add({ id: 'c1', url: 'http://callback.test/' });
  await began.promise;
  await world.stop();
  const [callback] = (await world.queue.list({ limit: 10 })).filter(({ kind }) => kind === 'callback');
  t.like(callback, { state: 'queued', attempts: 0, parent: 'c1' });
});

test('a callback that nobody takes is tried again, and kept when it fails for good', async (t) => {
  let posts = 0;
  const world = await startWorking(t, {
    listener: answering(200),
    post: () =>
      Promise.resolve({ status: 302, isFinal: (posts += 1) > 0, error: 'a redirect', beganMs: 0, endedMs: 0 }),
  });
  await world.add({ id: 'c1', url: 'http://callback.test/' });
  t.is((await world.ended('c1')).state, 'done');
  const dead = await until(async () => (await world.queue.list({ state: 'dead', limit: 1 }))[0], told('the callback'));
  t.like(dead, { kind: 'callback', parent: 'c1', last: { status: 302, error: 'a redirect' } });
  t.regex(await world.registry.metrics(), /berth_async_callbacks_total\{.*result="failed"\} 1/);
});
