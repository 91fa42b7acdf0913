import test from 'ava';
import fc from 'fast-check';
import { ReplyParser } from '../../../../../src/provider/proxy/fast/reply-parser.ts';
import { reply } from '../fuzz-requests.ts';

interface Read {
  status?: number;
  headers?: string[];
  body: string;
  trailers?: string[];
  keepMs: number;
  error?: string;
}

/** What the parser makes of a reply that comes in these pieces and then ends. */
function read(pieces: string[], method = 'GET'): Read {
  const seen: Read = { body: '', keepMs: 0 };
  const parser = new ReplyParser(
    { method, maxHeaderBytes: 1024 },
    {
      onInterim: () => {},
      onHead: ({ status, headers }) => Object.assign(seen, { status, headers }),
      onData: (chunk) => (seen.body += chunk.toString('latin1')),
      onEnd: (trailers) => (seen.trailers = trailers),
    },
  );
  try {
    for (const piece of pieces) parser.push(Buffer.from(piece, 'latin1'));
    seen.keepMs = parser.keepMs;
    parser.finish();
  } catch (error) {
    seen.error = (error as Error).message;
  }
  return seen;
}

const ok = { status: 200, headers: ['A', 'b'], body: '', trailers: [], keepMs: 0 };
const plain = { ...ok, headers: ['Content-Length', '2'], body: 'ok', keepMs: Infinity };
const chunked = { ...plain, headers: ['Transfer-Encoding', 'chunked'] };
const cases: [title: string, text: string, expected: Read, method?: string][] = [
  ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', plain],
  ['no CR', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok', plain],
  ['a length twice', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok', { ...plain, headers: ['Content-Length', '2', 'Content-Length', '2'] }],
  ['more than its length', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok!', { ...plain, keepMs: 0 }],
  ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a="b c"\r\no\r\n1 \r\nk\r\n0\r\n\r\n', chunked],
  ['chunks without CR', 'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nok\n0\nX-T: \xe9\n\n', { ...chunked, trailers: ['X-T', '\xe9'] }],
  ['no length', 'HTTP/1.1 200 OK\r\nA: b\r\n\r\nuntil the end', { ...ok, body: 'until the end' }],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', { ...plain, keepMs: 0 }],
  ['HTTP/1.0 that keeps', 'HTTP/1.0 200\r\nContent-Length: 2\r\nConnection: a, Keep-Alive\r\nKeep-Alive: timeout=5\r\n\r\nok', { ...plain, headers: ['Content-Length', '2', 'Connection', 'a, Keep-Alive', 'Keep-Alive', 'timeout=5'], keepMs: 5000 }],
  ['close', 'HTTP/1.1 204 No\r\nConnection: close\r\n\r\n', { ...ok, status: 204, headers: ['Connection', 'close'] }],
  ['204 with chunks', 'HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n', { ...chunked, status: 204, body: '' }],
  ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n', { ...plain, body: '' }, 'HEAD'],
  ['interim replies', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', plain],
  ['a line that goes on, bytes of any kind', 'HTTP/1.1 200 OK\r\nX: \xa0a\x01\r\n\t b \r\nContent-Length: 0\r\n\r\n', { ...plain, headers: ['X', '\xa0a\x01 b', 'Content-Length', '0'], body: '' }],
]; // prettier-ignore
for (const [title, text, expected, method] of cases) {
  test(`a reply with ${title} is the same wherever it is cut`, (t) => {
    t.deepEqual(read([text], method), expected);
    for (let at = 1; at < text.length; at++) t.deepEqual(read([text.slice(0, at), text.slice(at)], method), expected);
    t.deepEqual(read([...text], method), expected);
  });
}

const broken = [
  '', 'HTTP/1.1 200 OK', 'HTTP/1.1 200 OK\r\n', 'HTTP/2 200\r\n\r\n', 'HTTP/1.1 20\r\n\r\n', 'HTTP/1.1 2000\r\n\r\n', 'HTTP/1.1 099 X\r\n\r\n',
  'HTTP/1.1 101 X\r\n\r\n', '\r\nHTTP/1.1 200 OK\r\n\r\n', 'HTTP/1.1 200 OK\r\n A: b\r\n\r\n', 'HTTP/1.1 200 OK\r\nA b\r\n\r\n',
  'HTTP/1.1 200 OK\r\nA : b\r\n\r\n', 'HTTP/1.1 200 OK\r\n: b\r\n\r\n', `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(1100)}\r\n\r\n`,
  ...['-1', '+1', '1 1', '1, 1', '0x1', '', '9'.repeat(16), '1\r\nContent-Length: 2', '2\r\nTransfer-Encoding: chunked'].map((length) => `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\nok`),
  ...['gzip', 'gzip, chunked', 'identity', 'chunked, chunked', ''].map((coding) => `HTTP/1.1 200 OK\r\nTransfer-Encoding: ${coding}\r\n\r\n0\r\n\r\n`),
  ...['x\r\n', '-1\r\n', ' 1\r\no\r\n', '1\r\nok', '\r\n', `1;${'a'.repeat(5000)}`, '2\r\nok\r\n', `0\r\nX: ${'b'.repeat(1100)}`, '0\r\nX b\r\n\r\n', 'ffffffffffffff\r\n'].map((body) => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}`),
]; // prettier-ignore
for (const text of broken) {
  test(`the reply ${JSON.stringify(text.slice(0, 80))} is broken wherever it is cut`, (t) => {
    const whole = read([text]);
    t.truthy(whole.error);
    t.is(whole.keepMs, 0);
    for (let at = 1; at < text.length; at++) t.deepEqual(read([text.slice(0, at), text.slice(at)]), whole);
  });
}

test('whatever a function says is read the same however it is cut', (t) => {
  const cuts = fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 8 });
  fc.assert(
    fc.property(reply, cuts, fc.constantFrom('GET', 'HEAD'), ({ bytes }, sizes, method) => {
      const pieces: string[] = [];
      let at = 0;
      for (const size of sizes) pieces.push(bytes.slice(at, (at += size)));
      t.deepEqual(read([...pieces, bytes.slice(at)], method), read([bytes], method));
    }),
    { numRuns: 3000 },
  );
});
