import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { LogFollower } from '../../../../../src/gateway/dashboard/browser/log-follower.ts';
import { until } from '../../../../helpers/poll.ts';

const line = (second: number, text: string) =>
  `${JSON.stringify({ name: 'fn', namespace: 'n', instance: 'a', timestamp: `2026-01-01T00:00:0${second}Z`, text })}\n`;

test('a log of which nothing comes, not even an empty line, is said to be lost, and followed on', async (t) => {
  const asked: URLSearchParams[] = [];
  let last: ServerResponse | undefined;
  const server = createServer((req, res) => {
    asked.push(new URL(req.url ?? '', 'http://any').searchParams);
    res.writeHead(200).write(asked.length === 1 ? line(1, 'one') : line(1, 'one') + line(2, 'two'));
    last = res;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  // A page asks the address that it is from; Node has none.
  const plain = globalThis.fetch;
  globalThis.fetch = (path, init) =>
    plain(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path as string}`, init);
  t.teardown(() => (globalThis.fetch = plain));
  const ending = new AbortController();
  const follower = new LogFollower({ name: 'fn', namespace: 'n' }, 10);
  const problems = new Set<string>();
  const end = follower.run(ending.signal, () => problems.add(follower.problem), 2000);
  await until(() => follower.lines.count === 2);
  for (let times = 0; times < 24; times += 1) {
    last?.write('\n');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  t.deepEqual([...problems], ['', 'berth does not answer: is the host up, and on this network?']);
  t.is(follower.problem, '', 'empty lines keep it');
  t.deepEqual(
    follower.lines.lines.map(({ text }) => text),
    ['one', 'two'],
  );
  t.deepEqual(
    asked.map((query) => [query.get('keepalive'), query.get('tail'), query.get('since')]),
    [
      ['15', '200', null],
      ['15', null, '2026-01-01T00:00:01Z'],
    ],
  );
  ending.abort();
  await end;
});
