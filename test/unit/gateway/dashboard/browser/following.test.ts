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

test('who has ended before it began asks nothing', async (t) => {
  const { path, lastIds, stop } = await serve([ended('data: a\n\n')]);
  t.teardown(stop);
  await followEvents({ path, onEvent: () => t.fail(), onLost: () => t.fail(), signal: AbortSignal.abort() });
  t.deepEqual(lastIds, []);
});
