/** What every queue of asynchronous calls does, wherever it keeps them. */
import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import test from 'ava';
import type { Ending, Lane, NewCall, Queue, TakenCall } from '../../src/gateway/async/queue.ts';

/** Where calls are kept: what one queue has put there, the next that is opened has. */
export interface QueuePlace extends AsyncDisposable {
  open(limits?: { maxCalls?: number; maxBytes?: number }): Promise<Queue>;
}

const fn = { name: 'resize', namespace: 'openfaas-fn' };
const other = { name: 'mail', namespace: 'shop' };
const lane = { fn, kind: 'call' } as const;
const longBody = Buffer.alloc(200_000, 'a long body, ');

function newCall(id: string, more: Partial<NewCall> = {}): NewCall {
  return { id, kind: 'call', fn, path: '', headers: [['X-Call-Id', id]], ...more };
}

async function takeOne(queue: Queue, from: Pick<Lane, 'fn' | 'kind'> = lane): Promise<TakenCall> {
  const [call] = await queue.take(from, 1);
  if (!call) throw new Error('no call is due');
  return call;
}

const idsOf = (calls: { id: string }[]) => calls.map(({ id }) => id);
const attempt = { status: 503, error: 'no endpoints', beganMs: 1000, endedMs: 2000 };
const done: Ending = { state: 'done', last: { status: 200, beganMs: 1000, endedMs: 2000 } };
const dead: Ending = { state: 'failed', last: attempt, isDead: true };

/** Registers the tests of a queue. */
export function testQueue(place: () => Promise<QueuePlace>): void {
  testCalls(place);
  testEnds(place);
  testLimits(place);
  testSight(place);
  testNextProcess(place);
}

function testCalls(place: () => Promise<QueuePlace>): void {
  test('a call is taken as it was put on the queue, and its body is read more than once', async (t) => {
    await using store = await place();
    const queue = await store.open();
    const headers: NewCall['headers'] = [
      ['X-Call-Id', 'a.b-c_D'],
      ['accept', 'one'],
      ['Accept', 'two, é'],
    ];
    const sent = newCall('a.b-c_D', { path: '/p%20q?x=1&x=2', headers, url: 'http://gateway:8080/function/after' });
    await queue.add(sent, longBody);
    const call = await takeOne(queue);
    t.like(call, { ...sent, state: 'running', attempts: 1, bodyBytes: longBody.length });
    t.true(Math.abs(Date.now() - call.queuedMs) < 60_000);
    for (let reads = 0; reads < 2; reads++) t.true(longBody.equals(await buffer(call.body())));
    t.deepEqual(await queue.take(lane, 10), []);
    await queue.close();
  });

  for (const bytes of [0, 1, 8 * 1024, 8 * 1024 + 1, 1_000_000])
    test(`a body of ${bytes} bytes that comes in pieces is kept`, async (t) => {
      await using store = await place();
      const queue = await store.open();
      const body = Buffer.alloc(bytes, 'pieces');
      const pieces = Array.from({ length: Math.ceil(bytes / 3000) }, (_, at) =>
        body.subarray(at * 3000, at * 3000 + 3000),
      );
      await queue.add(newCall('one'), Readable.from(pieces, { objectMode: false }));
      const call = await takeOne(queue);
      t.is(call.bodyBytes, bytes);
      t.true(body.equals(await buffer(call.body())));
      await queue.close();
    });

  test('a call is taken once, whoever asks at the same time', async (t) => {
    await using store = await place();
    const queue = await store.open();
    const ids = Array.from({ length: 60 }, (_, at) => `call-${at}`);
    await Promise.all(ids.map((id) => queue.add(newCall(id), Buffer.from(id))));
    t.is(queue.pending(fn), 60);
    const taken = (await Promise.all(Array.from({ length: 12 }, () => queue.take(lane, 10)))).flat();
    t.deepEqual(idsOf(taken).sort(), [...ids].sort());
    for (const call of taken) t.is((await buffer(call.body())).toString(), call.id);
    await queue.close();
  });

  test('calls are taken once they are due, the earliest first, and only those of the lane', async (t) => {
    await using store = await place();
    const queue = await store.open();
    const nowMs = Date.now();
    await queue.add(newCall('second', { dueMs: nowMs - 1000 }), Buffer.of());
    await queue.add(newCall('first', { dueMs: nowMs - 2000 }), Buffer.of());
    await queue.add(newCall('later', { dueMs: nowMs + 3_600_000 }), Buffer.of());
    await queue.add(newCall('other', { fn: other }), Buffer.of());
    await queue.add(newCall('callback', { kind: 'callback', url: 'http://a.example/' }), Buffer.of());
    t.deepEqual(idsOf(await queue.take(lane, 1)), ['first']);
    t.deepEqual(idsOf(await queue.take(lane, 10)), ['second']);
    t.deepEqual(idsOf(await queue.take({ fn: other, kind: 'call' }, 10)), ['other']);
    t.deepEqual(idsOf(await queue.take({ fn, kind: 'callback' }, 10)), ['callback']);
    const left = [...queue.lanes()];
    t.deepEqual(left, [{ fn, kind: 'call', queued: 1, dueMs: nowMs + 3_600_000 }]);
    await queue.close();
  });

  test('a call that is tried again keeps its attempts, unless one was none', async (t) => {
    await using store = await place();
    const queue = await store.open();
    await queue.add(newCall('one'), longBody);
    await takeOne(queue);
    await queue.retry('one', { dueMs: Date.now(), last: attempt });
    t.like(await takeOne(queue), { attempts: 2, last: attempt });
    await queue.retry('one', { dueMs: Date.now(), uncounted: true });
    const again = await takeOne(queue);
    t.like(again, { attempts: 2, last: attempt });
    t.true(longBody.equals(await buffer(again.body())));
    const dueMs = Date.now() + 3_600_000;
    await queue.retry('one', { dueMs, last: attempt });
    t.deepEqual(await queue.take(lane, 1), []);
    t.like(await queue.get('one'), { state: 'queued', attempts: 2, dueMs });
    await queue.close();
  });

  test('who waits for calls is told of each that comes or is to be tried again', async (t) => {
    await using store = await place();
    const queue = await store.open();
    let told = 0;
    queue.onWaiting(() => told++);
    const tells = async (change: Promise<unknown>) => {
      const before = told;
      await change;
      return told > before;
    };
    t.true(await tells(queue.add(newCall('one'), Buffer.of())));
    await takeOne(queue);
    t.true(await tells(queue.retry('one', { dueMs: Date.now() })));
    await takeOne(queue);
    const follows = [{ call: newCall('two', { kind: 'callback' }), body: Buffer.of() }];
    t.true(await tells(queue.finish('one', { ...dead, follows })));
    t.true(await tells(queue.replay('one')));
    await queue.close();
  });
}

function testEnds(place: () => Promise<QueuePlace>): void {
  test('a call that has ended is known by its answer, and waits no more', async (t) => {
    await using store = await place();
    const queue = await store.open();
    await queue.add(newCall('one'), longBody);
    await takeOne(queue);
    t.is(queue.pending(fn), 1);
    const result = { contentType: 'image/png', body: Buffer.from([0, 255, 10]) };
    await queue.finish('one', { ...done, result });
    const call = await queue.get('one');
    t.like(call, { state: 'done', attempts: 1, last: done.last });
    t.deepEqual(call?.result, result);
    t.true((call?.endedMs ?? 0) >= (call?.queuedMs ?? Infinity));
    t.is(call?.isDead, undefined);
    t.is(queue.pending(fn), 0);
    t.deepEqual([...queue.lanes()], []);
    await queue.close();
  });

  test('what follows a call is queued with its end', async (t) => {
    await using store = await place();
    const queue = await store.open();
    await queue.add(newCall('one'), Buffer.of());
    await takeOne(queue);
    const url = 'http://a.example/back';
    const callback = newCall('one.callback', { kind: 'callback', url, parent: 'one' });
    const letter = newCall('one.letter', { fn: other, parent: 'one' });
    const follows = [
      { call: callback, body: Readable.from([longBody]) },
      { call: letter, body: Buffer.from('short') },
    ];
    await queue.finish('one', { ...done, follows });
    const taken = await takeOne(queue, { fn, kind: 'callback' });
    t.like(taken, { id: 'one.callback', url, parent: 'one', attempts: 1 });
    t.true(longBody.equals(await buffer(taken.body())));
    const sent = await takeOne(queue, { fn: other, kind: 'call' });
    t.is((await buffer(sent.body())).toString(), 'short');
    t.is(queue.pending(fn), 0);
    await queue.close();
  });

  test('headers as long as they can be are kept, of a call and of what follows it', async (t) => {
    await using store = await place();
    const queue = await store.open();
    const headers: NewCall['headers'] = [['X-Long', '"é'.repeat(128 * 1024)]];
    await queue.add(newCall('one', { headers }), longBody);
    t.deepEqual((await takeOne(queue)).headers, headers);
    const call = newCall('after', { kind: 'callback', headers, url: 'http://a.example/' });
    const result = { body: Buffer.alloc(64 * 1024, 'é') };
    await queue.finish('one', { ...done, result, follows: [{ call, body: longBody }] });
    t.deepEqual((await takeOne(queue, { fn, kind: 'callback' })).headers, headers);
    t.deepEqual((await queue.get('one'))?.result?.body, result.body);
    await queue.close();
  });

  test('what follows a call and is known already is not queued twice', async (t) => {
    await using store = await place();
    const queue = await store.open();
    const callback = newCall('one.callback', { kind: 'callback', parent: 'one' });
    await queue.add(callback, Buffer.from('first'));
    await queue.add(newCall('one'), Buffer.of());
    await takeOne(queue);
    await queue.finish('one', { ...done, follows: [{ call: callback, body: Buffer.from('second') }] });
    t.like(await queue.get('one'), { state: 'done' });
    const calls = await queue.take({ fn, kind: 'callback' }, 10);
    t.is(calls.length, 1);
    t.is((await buffer(calls[0]!.body())).toString(), 'first');
    await queue.close();
  });

  test('a dead call is replayed with its body and no attempts, once', async (t) => {
    await using store = await place();
    const queue = await store.open();
    await queue.add(newCall('one'), longBody);
    await takeOne(queue);
    await queue.finish('one', dead);
    t.like(await queue.get('one'), { state: 'failed', isDead: true, last: attempt });
    t.is(await queue.replay('one'), true);
    t.is(await queue.replay('one'), false);
    const call = await takeOne(queue);
    t.like(call, { attempts: 1, state: 'running' });
    t.is(call.isDead, undefined);
    t.is(call.endedMs, undefined);
    t.true(longBody.equals(await buffer(call.body())));
    await queue.finish('one', { state: 'failed', last: attempt });
    t.is(await queue.replay('one'), false);
    t.is(await queue.replay('none'), undefined);
    await queue.close();
  });

  test('a queued call is cancelled; one that runs or has ended is not', async (t) => {
    await using store = await place();
    const queue = await store.open();
    await queue.add(newCall('one'), longBody);
    t.is(await queue.cancel('one'), 'queued');
    t.like(await queue.get('one'), { state: 'cancelled', attempts: 0 });
    t.deepEqual(await queue.take(lane, 1), []);
    t.is(await queue.cancel('one'), 'cancelled');
    t.is(await queue.cancel('none'), undefined);
    await queue.add(newCall('two'), Buffer.of());
    await takeOne(queue);
    t.is(await queue.cancel('two'), 'running');
    t.like(await queue.get('two'), { state: 'running' });
    await queue.finish('two', dead);
    t.is(await queue.cancel('two'), 'failed');
    await queue.close();
  });

  test('the end of a call that nobody has taken changes nothing', async (t) => {
    await using store = await place();
    const queue = await store.open();
    await queue.add(newCall('one'), Buffer.of());
    await queue.finish('one', { ...done, follows: [{ call: newCall('two'), body: longBody }] });
    await queue.finish('none', done);
    await queue.retry('one', { dueMs: Date.now() + 3_600_000 });
    await queue.retry('none', { dueMs: 0 });
    t.is(await queue.get('two'), undefined);
    t.like(await takeOne(queue), { id: 'one', attempts: 1 });
    await queue.close();
  });

  test('calls that ended before a moment are forgotten, and their ids are new again', async (t) => {
    await using store = await place();
    const queue = await store.open();
    for (const id of ['ended', 'dead', 'runs', 'waits']) await queue.add(newCall(id), longBody);
    await queue.take(lane, 3);
    await queue.finish('ended', done);
    await queue.finish('dead', dead);
    t.is(await queue.expire(Date.now() - 60_000), 0);
    t.is(await queue.expire(Date.now() + 60_000), 2);
    t.is(await queue.get('ended'), undefined);
    t.is(await queue.replay('dead'), undefined);
    t.like(await queue.get('runs'), { state: 'running' });
    t.like(await queue.get('waits'), { state: 'queued' });
    await queue.add(newCall('ended'), Buffer.of());
    await queue.close();
  });
}

function testLimits(place: () => Promise<QueuePlace>): void {
  test('a call of a known id is refused, also once that has ended', async (t) => {
    await using store = await place();
    const queue = await store.open();
    await queue.add(newCall('one'), Buffer.from('first'));
    await t.throwsAsync(queue.add(newCall('one', { fn: other }), longBody), { name: 'CallExistsError' });
    const call = await takeOne(queue);
    t.is((await buffer(call.body())).toString(), 'first');
    await queue.finish('one', done);
    await t.throwsAsync(queue.add(newCall('one'), Buffer.of()), { name: 'CallExistsError' });
    await queue.close();
  });

  test('of two calls of one id at the same time one is queued', async (t) => {
    await using store = await place();
    const queue = await store.open();
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => queue.add(newCall('one'), longBody)));
    t.is(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
    const call = await takeOne(queue);
    t.true(longBody.equals(await buffer(call.body())));
    t.deepEqual([...queue.lanes()], []);
    await queue.close();
  });

  test('a body that is too long is refused while it comes, and its stream is left to its owner', async (t) => {
    await using store = await place();
    const queue = await store.open();
    const endless = new Readable({ read: () => endless.push(Buffer.alloc(4096)) });
    await t.throwsAsync(queue.add(newCall('one'), endless, { bodyLimitBytes: 100_000 }), { name: 'BodyTooLargeError' });
    t.false(endless.destroyed);
    endless.destroy();
    await queue.add(newCall('one'), Buffer.alloc(100_000), { bodyLimitBytes: 100_000 });
    t.is((await takeOne(queue)).bodyBytes, 100_000);
    await queue.close();
  });

  test('a body that breaks off leaves no call', async (t) => {
    await using store = await place();
    const queue = await store.open();
    const broken = new Readable({ read: () => {} });
    broken.push(longBody);
    setImmediate(() => broken.destroy(new Error('the caller left')));
    await t.throwsAsync(queue.add(newCall('one'), broken));
    t.is(await queue.get('one'), undefined);
    t.is(queue.pending(fn), 0);
    await queue.add(newCall('one'), Buffer.of());
    await queue.close();
  });

  test('a queue that is full refuses calls until one has ended', async (t) => {
    await using store = await place();
    const queue = await store.open({ maxCalls: 3 });
    const ids = ['a', 'b', 'c', 'd', 'e'];
    const outcomes = await Promise.allSettled(ids.map((id) => queue.add(newCall(id), Buffer.of())));
    t.is(outcomes.filter(({ status }) => status === 'fulfilled').length, 3);
    await t.throwsAsync(queue.add(newCall('f'), Buffer.of()), { name: 'QueueFullError' });
    const call = await takeOne(queue);
    await t.throwsAsync(queue.add(newCall('f'), Buffer.of()), { name: 'QueueFullError' });
    await queue.finish(call.id, done);
    await queue.add(newCall('f'), Buffer.of());
    await queue.close();
  });

  test('a queue that holds as many bytes as it may refuses more until some are gone', async (t) => {
    await using store = await place();
    const queue = await store.open({ maxBytes: 500_000 });
    await queue.add(newCall('a'), longBody);
    await queue.add(newCall('b'), longBody);
    await t.throwsAsync(queue.add(newCall('c'), longBody), { name: 'QueueFullError' });
    await queue.add(newCall('small'), Buffer.alloc(1000));
    await queue.cancel('a');
    await queue.add(newCall('c'), longBody);
    await queue.close();
  });
}

function testSight(place: () => Promise<QueuePlace>): void {
  test('calls are listed newest first, by function, state and the one before', async (t) => {
    await using store = await place();
    const queue = await store.open();
    for (const id of ['a', 'b', 'c', 'd']) await queue.add(newCall(id), Buffer.of());
    await queue.add(newCall('e', { fn: other }), Buffer.of());
    await queue.take(lane, 3);
    await queue.finish('a', dead);
    await queue.finish('b', { state: 'failed' });
    t.deepEqual(idsOf(await queue.list({ limit: 10 })), ['e', 'd', 'c', 'b', 'a']);
    t.deepEqual(idsOf(await queue.list({ limit: 2, before: 'd' })), ['c', 'b']);
    t.deepEqual(idsOf(await queue.list({ limit: 10, fn: other })), ['e']);
    t.deepEqual(idsOf(await queue.list({ limit: 10, state: 'queued' })), ['e', 'd']);
    t.deepEqual(idsOf(await queue.list({ limit: 10, state: 'running', fn })), ['c']);
    t.deepEqual(idsOf(await queue.list({ limit: 10, state: 'failed' })), ['b', 'a']);
    t.deepEqual(idsOf(await queue.list({ limit: 10, state: 'dead' })), ['a']);
    t.deepEqual(await queue.list({ limit: 10, fn: { name: 'none', namespace: 'shop' } }), []);
    await queue.close();
  });

  test('calls are counted for each function, callbacks apart', async (t) => {
    await using store = await place();
    const queue = await store.open();
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) await queue.add(newCall(id), longBody);
    await queue.add(newCall('g', { fn: other }), Buffer.of());
    await queue.take(lane, 4);
    await queue.finish('a', { ...done, follows: [{ call: newCall('h', { kind: 'callback' }), body: Buffer.of() }] });
    await queue.finish('b', dead);
    await queue.finish('c', { state: 'failed' });
    await queue.cancel('f');
    const counts = await queue.counts();
    const none = { queued: 0, running: 0, done: 0, failed: 0, cancelled: 0, dead: 0 };
    t.deepEqual(counts.get('resize.openfaas-fn'), { queued: 1, running: 1, done: 1, failed: 2, cancelled: 1, dead: 1 });
    t.deepEqual(counts.get('mail.shop'), { ...none, queued: 1 });
    t.is(queue.pending(fn), 2);
    t.is(queue.pending({ name: 'none', namespace: 'shop' }), 0);
    await queue.close();
  });
}

function testNextProcess(place: () => Promise<QueuePlace>): void {
  test('the next process has the calls, and those that ran once the one before is gone', async (t) => {
    await using store = await place();
    const before = await store.open();
    await before.add(newCall('runs'), longBody);
    await takeOne(before);
    await before.add(newCall('waits'), longBody);
    await before.add(newCall('ended', { fn: other }), Buffer.of());
    await takeOne(before, { fn: other, kind: 'call' });
    await before.finish('ended', done);
    await before.close();

    const queue = await store.open();
    t.is(queue.pending(fn), 2);
    t.like([...queue.lanes()], [{ fn, kind: 'call', queued: 1 }]);
    t.deepEqual(idsOf(await queue.take(lane, 10)), ['waits']);
    t.like(await queue.get('ended'), { state: 'done' });
    let told = false;
    queue.onWaiting(() => (told = true));
    await queue.recover();
    t.true(told);
    const [call, ...more] = await queue.take(lane, 10);
    t.like(call, { id: 'runs', attempts: 2 });
    t.deepEqual(more, []);
    t.true(longBody.equals(await buffer(call!.body())));
    await queue.close();
  });

  test('a process that ends finishes what it has taken beside the next one', async (t) => {
    await using store = await place();
    const before = await store.open();
    await before.add(newCall('one'), longBody);
    await before.add(newCall('two'), longBody);
    await before.take(lane, 2);
    const queue = await store.open();
    t.deepEqual(await queue.take(lane, 10), []);
    const follows = [{ call: newCall('back', { kind: 'callback' as const }), body: longBody }];
    await before.finish('one', { ...done, follows });
    await before.retry('two', { dueMs: Date.now(), uncounted: true });
    await before.close();
    await queue.recover();
    t.like(await queue.get('one'), { state: 'done' });
    t.deepEqual([...queue.lanes()].map(({ kind, queued }) => [kind, queued]).sort(), [
      ['call', 1],
      ['callback', 1],
    ]);
    t.like(await takeOne(queue), { id: 'two', attempts: 1 });
    t.true(longBody.equals(await buffer((await takeOne(queue, { fn, kind: 'callback' })).body())));
    await queue.close();
  });

  test('a queue that was never used has nothing, and can be recovered and expired', async (t) => {
    await using store = await place();
    const queue = await store.open();
    await queue.recover();
    t.is(await queue.expire(Date.now()), 0);
    t.deepEqual([...queue.lanes()], []);
    t.deepEqual(await queue.list({ limit: 10 }), []);
    t.is((await queue.counts()).size, 0);
    await queue.close();
  });
}
