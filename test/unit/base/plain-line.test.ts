import { createServer } from 'node:http';
import { once } from 'node:events';
import { createServer as createTcpServer, connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { answerPlain, answerSocket, plainLine } from '../../../src/base/plain-line.ts';

test('a message becomes one line', (t) => {
  t.is(plainLine(' one \r\n two\n'), 'one two\n');
});

test('an answer is one plain line with its length and the headers given', async (t) => {
  const server = createServer((req, res) => {
    answerPlain(req, res, { status: 429, message: 'later', headers: { 'Retry-After': '1' } });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    method: 'POST',
    body: 'x',
  });
  t.is(answer.status, 429);
  t.is(answer.headers.get('retry-after'), '1');
  t.is(answer.headers.get('content-type'), 'text/plain; charset=utf-8');
  t.is(answer.headers.get('content-length'), '6');
  t.is(await answer.text(), 'later\n');
});

test('a socket is answered with a whole message and closed', async (t) => {
  const server = createTcpServer((socket) => {
    answerSocket(socket, { status: 502, message: 'gone' });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const said = await text(connect((server.address() as AddressInfo).port, '127.0.0.1'));
  t.regex(said, /^HTTP\/1\.1 502 Bad Gateway\r\n/);
  t.regex(said, /\r\nConnection: close\r\n\r\ngone\n$/);
});

test('a message of a million blanks is made a line in one look', (t) => {
  // A pattern that goes back would take minutes.
  t.is(plainLine(`x${' '.repeat(1_000_000)}x\n`).length, 1_000_003);
});
