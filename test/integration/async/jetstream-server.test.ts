/** What the queue does when its server ends, comes back, or asks who is there. */
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import test from 'ava';
import { JetstreamQueue } from '../../../src/gateway/async/jetstream-queue.ts';
import { parseNatsAddress } from '../../../src/gateway/async/nats-address.ts';
import type { NewCall } from '../../../src/gateway/async/queue.ts';
import { createLog, silentLog } from '../../../src/base/log.ts';
import { makeKeyPair } from '../../helpers/key-pair.ts';
import { makeNatsLogin } from '../../helpers/nats-login.ts';
import { startNatsServer } from '../../helpers/nats-server.ts';
import { until } from '../../helpers/poll.ts';

const fn = { name: 'resize', namespace: 'openfaas-fn' };
const lane = { fn, kind: 'call' } as const;
const call = (id: string): NewCall => ({ id, kind: 'call', fn, path: '', headers: [] });
const done = { state: 'done', last: { status: 200, beganMs: 1, endedMs: 2 } } as const;
const longBody = Buffer.alloc(300_000, 'a long body, ');

const open = (url: string, more: Partial<Parameters<typeof JetstreamQueue.open>[0]> = {}) =>
  JetstreamQueue.open({
    ...{ address: parseNatsAddress(url), name: 'calls', log: silentLog, maxCalls: 100_000, maxBytes: 1e9 },
    ...more,
  });

test('every call that was queued is there after the server was killed again and again', async (t) => {
  await using server = await startNatsServer();
  const queue = await open(server.host);
  const queued: string[] = [];
  const refused: unknown[] = [];
  let isOver = false;
  const writers = [...Array(8).keys()].map(async (writer) => {
    for (let n = 0; !isOver; n++) {
      const id = `${writer}.${n}`;
      try {
        await queue.add(call(id), n % 5 === 0 ? longBody : Buffer.from(id));
        queued.push(id);
      } catch (error) {
        refused.push(error);
      }
    }
  });
  for (let kills = 0; kills < 3; kills++) {
    const before = queued.length;
    await until(() => queued.length > before + 50);
    await server.kill();
    await server.start();
  }
  isOver = true;
  await Promise.all(writers);
  t.deepEqual(
    [...new Set(refused.map((error) => (error as Error).name))].filter((name) => name !== 'QueueUnreachableError'),
    [],
  );

  const made = new Map<string, number>();
  for (const bodies = { made }; bodies.made.size < queued.length;) {
    for (const taken of await queue.take(lane, 50)) {
      const body = await buffer(taken.body());
      t.true(body.equals(longBody) || body.toString() === taken.id);
      await queue.finish(taken.id, done);
      made.set(taken.id, (made.get(taken.id) ?? 0) + 1);
    }
    await queue.counts();
  }
  t.deepEqual(
    queued.filter((id) => !made.has(id)),
    [],
  );
  await until(() => queue.pending(fn) === 0 || queue.take(lane, 50).then(() => false));
  await queue.close();
});

test('calls that end while there is no server have ended once there is one', async (t) => {
  await using server = await startNatsServer();
  const queue = await open(server.host);
  for (const id of ['ends', 'again', 'answered']) await queue.add(call(id), longBody);
  t.is((await queue.take(lane, 10)).length, 3);
  await server.kill();
  const callback: NewCall = { ...call('back'), kind: 'callback', parent: 'answered' };
  const ends = [
    queue.finish('ends', done),
    queue.retry('again', { dueMs: Date.now() }),
    queue.finish('answered', { ...done, follows: [{ call: callback, body: Readable.from([Buffer.from('answer')]) }] }),
  ];
  await t.throwsAsync(queue.add(call('new'), Buffer.of()), { name: 'QueueUnreachableError' });
  await server.start();
  await Promise.all(ends);
  t.like(await queue.get('ends'), { state: 'done' });
  t.like(await queue.get('answered'), { state: 'done' });
  const [again, ...none] = await queue.take(lane, 10);
  t.like(again, { id: 'again', attempts: 2 });
  t.deepEqual(none, []);
  const [back] = await queue.take({ fn, kind: 'callback' }, 10);
  t.is((await buffer(back!.body())).toString(), 'answer');
  await queue.close();
});

test('a queue whose server comes later says so, and works then', async (t) => {
  await using server = await startNatsServer();
  await server.kill();
  const lines: string[] = [];
  const queue = await open(server.host, { log: createLog({ write: (line) => lines.push(line) }) });
  await t.throwsAsync(queue.add(call('one'), Buffer.of()), { name: 'QueueUnreachableError', message: /try again/ });
  t.is(lines.filter((line) => /nats_url/.test(line)).length, 1, lines.join(''));
  let told = 0;
  queue.onWaiting(() => told++);
  await server.start();
  await until(() => told);
  await queue.add(call('one'), Buffer.of());
  t.is(queue.pending(fn), 1);
  await queue.close();
});

test('a stream that somebody has deleted is made anew', async (t) => {
  await using server = await startNatsServer();
  const queue = await open(server.host);
  await queue.add(call('one'), Buffer.of());
  const { connect } = await import('@nats-io/transport-node');
  const { jetstreamManager } = await import('@nats-io/jetstream');
  const connection = await connect({ servers: server.host });
  await (await jetstreamManager(connection)).streams.delete('calls');
  await connection.close();
  await until(() => queue.add(call('two'), Buffer.of()).then(() => true));
  t.deepEqual(
    (await queue.list({ limit: 10 })).map(({ id }) => id),
    ['two'],
  );
  await queue.close();
});

test('a message that is no call is left alone', async (t) => {
  await using server = await startNatsServer();
  const before = await open(server.host);
  await before.add(call('one'), Buffer.of());
  const { connect } = await import('@nats-io/transport-node');
  const connection = await connect({ servers: server.host });
  await connection.request('calls.foreign', 'hello');
  await connection.close();
  await before.close();
  const queue = await open(server.host);
  t.deepEqual(
    (await queue.list({ limit: 10 })).map(({ id }) => id),
    ['one'],
  );
  t.is((await queue.take(lane, 10)).length, 1);
  await queue.close();
});

test('a server with TLS is believed by its certificate', async (t) => {
  const { files } = await makeKeyPair();
  await using server = await startNatsServer({
    settings: `tls { cert_file: "${files.cert}", key_file: "${files.key}" }`,
  });
  const queue = await open(`tls://${server.host}`, { caFile: files.cert });
  await queue.add(call('one'), longBody);
  t.is(queue.pending(fn), 1);
  await queue.close();

  const lines: string[] = [];
  const stranger = await open(`tls://${server.host}`, { log: createLog({ write: (line) => lines.push(line) }) });
  await t.throwsAsync(stranger.add(call('two'), Buffer.of()), { name: 'QueueUnreachableError' });
  t.regex(lines.join(''), /certificate/);
  await stranger.close();
});

test('a server without TLS is refused where TLS is asked for', async (t) => {
  await using server = await startNatsServer();
  const queue = await open(`tls://${server.host}`);
  await t.throwsAsync(queue.add(call('one'), Buffer.of()), { name: 'QueueUnreachableError' });
  await queue.close();
});

test('a user and a password of the address log in, and are not told', async (t) => {
  await using server = await startNatsServer({ settings: 'authorization { user: me, password: "s3cr/t" }' });
  const queue = await open(`nats://me:s3cr%2Ft@${server.host}`);
  await queue.add(call('one'), Buffer.of());
  await queue.close();
  const lines: string[] = [];
  const stranger = await open(`nats://me:wr0ng@${server.host}`, {
    log: createLog({ write: (line) => lines.push(line) }),
  });
  await t.throwsAsync(stranger.add(call('two'), Buffer.of()));
  t.regex(lines.join(''), /NATS server not reached/);
  t.notRegex(lines.join(''), /wr0ng|s3cr/);
  await stranger.close();
});

test('a credentials file logs in, and is read anew when it has changed', async (t) => {
  const login = await makeNatsLogin();
  await using server = await startNatsServer({ settings: login.settings });
  const lines: string[] = [];
  await login.spoil();
  const queue = await open(server.host, {
    credentialsFile: login.credentialsFile,
    log: createLog({ write: (line) => lines.push(line) }),
  });
  t.regex(lines.join(''), /NATS server not reached/);
  await login.mend();
  await until(() => queue.add(call('one'), Buffer.of()).then(() => true), { timeoutMs: 30_000 });
  t.is(queue.pending(fn), 1);
  await queue.close();
});
