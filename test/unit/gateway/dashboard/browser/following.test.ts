import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { followEvents } from '../../../../../src/gateway/dashboard/browser/following.ts';
import { until } from '../../../../helpers/poll.ts';

type Answer = (req: IncomingMessage, res: ServerResponse) => void;

/** Serves one answer after the other, the last one again and again. */
async function serve(answers: Answer[]) {
  const lastIds: (string | undefined)[] = [];
  const server = createServer((req, res) => {
    lastIds.push(req.headers['last-event-id'] as string | undefined);
    answers[Math.min(lastIds.length, answers.length) - 1]?.(req, res);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return { path: `http://127.0.0.1:${(server.address() as AddressInfo).port}/system/events`, lastIds, stop };
}

const ended =
  (text: string): Answer =>
  (_req, res) =>
    res.writeHead(200, { 'Content-Type': 'text/event-stream' }).end(text);
const open =
  (text: string): Answer =>
  (_req, res) =>
    res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(text);

test('a stream that ended or broke is opened again behind the last event, until the signal aborts', async (t) => {
  const cut: Answer = (_req, res) => {
    res.writeHead(200).write('id: 8\ndata: c\n\ndata: half', () => res.destroy());
  };
  const { path, lastIds, stop } = await serve([
    ended('id: 7\ndata: a\n\ndata: b\n\n'),
    cut,
    open('id: 9\ndata: d\n\n'),
  ]);
  t.teardown(stop);
  const ending = new AbortController();
  const seen: string[] = [];
  const onLost = () => seen.push('lost');
  const end = followEvents({
    path,
    onEvent: ({ data }) => seen.push(data),
    onLost,
    signal: ending.signal,
    lastId: '6',
  });
  await until(() => seen.includes('d'));
  t.deepEqual(seen, ['a', 'b', 'lost', 'c', 'lost', 'd']);
  t.deepEqual(lastIds, ['6', '7', '8'], 'an event without an id leaves the last one');
  ending.abort();
  await end;
  t.deepEqual(seen.slice(6), [], 'who ends it has not lost it');
});

test('a refusal for now is followed by another try, with no id where none came', async (t) => {
  const busy: Answer = (_req, res) => res.writeHead(503).end('berth is stopping');
  const { path, lastIds, stop } = await serve([busy, open('data: a\n\n')]);
  t.teardown(stop);
  const ending = new AbortController();
  const seen: string[] = [];
  const onLost = () => seen.push('lost');
  const end = followEvents({ path, onEvent: ({ data }) => seen.push(data), onLost, signal: ending.signal });
  await until(() => seen.includes('a'));
  t.deepEqual(seen, ['lost', 'a']);
  t.deepEqual(lastIds, [undefined, undefined]);
  ending.abort();
  await end;
});

test('a session that ended is not asked for again', async (t) => {
  const { path, lastIds, stop } = await serve([(_req, res) => res.writeHead(401).end('log in')]);
  t.teardown(stop);
  const { signal } = new AbortController();
  await followEvents({ path, onEvent: () => t.fail(), onLost: () => t.fail(), signal });
  t.is(lastIds.length, 1);
});

test('a stream of which nothing comes, not even a comment, is lost, and opened again behind the last event', async (t) => {
  const silent = open('id: 7\ndata: a\n\n');
  const unanswered: Answer = () => {};
  const alive: Answer = (_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    const timer = setInterval(() => res.write(':\n\n'), 50);
    res.on('close', () => clearInterval(timer));
    setTimeout(() => res.write('data: b\n\n'), 3000);
  };
  const { path, lastIds, stop } = await serve([silent, unanswered, alive]);
  t.teardown(stop);
  const ending = new AbortController();
  const seen: string[] = [];
  const end = followEvents({
    path,
    onEvent: ({ data }) => seen.push(data),
    onOpen: () => seen.push('open'),
    onLost: () => seen.push('lost'),
    signal: ending.signal,
    silentMs: 2000,
  });
  await until(() => seen.includes('b'));
  t.deepEqual(seen, ['open', 'a', 'lost', 'lost', 'open', 'b'], 'comments alone keep a stream');
  t.deepEqual(lastIds, [undefined, '7', '7']);
  ending.abort();
  await end;
});

test('who ends it while it waits to try again waits no longer', async (t) => {
  const { path, stop } = await serve([ended('')]);
  t.teardown(stop);
  const ending = new AbortController();
  let lost = 0;
  const onLost = () => void (lost += 1);
  const end = followEvents({ path, onEvent: () => t.fail(), onLost, signal: ending.signal });
  await until(() => lost === 2);
  const late = new Promise((resolve) => setTimeout(resolve, 1000, 'late'));
  ending.abort();
  t.is(await Promise.race([end, late]), undefined, 'the next try was in 2 s');
});

test('who has ended before it began asks nothing', async (t) => {
  const { path, lastIds, stop } = await serve([ended('data: a\n\n')]);
  t.teardown(stop);
  await followEvents({ path, onEvent: () => t.fail(), onLost: () => t.fail(), signal: AbortSignal.abort() });
  t.deepEqual(lastIds, []);
});
