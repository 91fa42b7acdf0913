import { test } from './each-road.ts';
import { RawCaller, startCannedFunction, startFront } from './world.ts';

/** What servers say that nobody should, and Go's client takes; what the caller sees of it. */
const sloppy: [title: string, reply: string, seen: RegExp][] = [
  ['lines without CR', 'HTTP/1.1 200 OK\nX-A: b\nContent-Length: 2\n\nok', /\r\nX-A: b\r\n[^]*\r\n\r\nok$/],
  ['a line without CR', 'HTTP/1.1 200 OK\r\nX-A: b\nContent-Length: 2\r\n\r\nok', /\r\nX-A: b\r\n[^]*\r\n\r\nok$/],
  ['a length twice', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok', /^HTTP\/1\.1 200 OK\r\n(?:(?!Content-Length)[^\r]*\r\n)*Content-Length: 2\r\n(?:(?!Content-Length)[^\r]*\r\n)*\r\nok$/],
  ['headers of 300 KiB', `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(300 << 10)}\r\nContent-Length: 2\r\n\r\nok`, /\r\nX-A: a{300000,}\r\n[^]*\r\n\r\nok$/],
  ['no reason', 'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok', /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok$/],
  ['odd bytes in a header', 'HTTP/1.1 200 OK\r\nX-A: a\x01\0\x7fb\xff\r\nContent-Length: 2\r\n\r\nok', /\r\nX-A: a {3}b\xff\r\n/],
  ['a header that goes on', 'HTTP/1.1 200 OK\r\nX-A: a\r\n b\r\nContent-Length: 2\r\n\r\nok', /\r\nX-A: a +b\r\n/],
  ['blanks about a length', 'HTTP/1.1 200 OK\r\nContent-Length: \t2 \r\n\r\nok', /\r\n\r\nok$/],
]; // prettier-ignore
for (const [title, reply, seen] of sloppy) {
  test(`a reply with ${title} reaches the caller, clean`, async (t) => {
    const upstreamPort = await startCannedFunction(t, Buffer.from(reply, 'latin1'), (socket) => socket.end());
    const { port } = await startFront(t, upstreamPort);
    const caller = new RawCaller(t, port);
    caller.send('GET /function/env HTTP/1.1\r\nHost: a\r\n\r\n');
    // Node's parser takes no length twice, however lenient it is told to be.
    const isRefused = title === 'a length twice' && t.context.road === 'http-proxy';
    if (isRefused) t.regex(await caller.sees('env'), /^HTTP\/1\.1 502 /);
    else t.regex(await caller.sees('ok'), seen);
  });
}

// Node's lenient parser takes what comes behind the CR for the next header.
test('of a header that begins with a lone CR no road makes one value', async (t) => {
  const reply = 'HTTP/1.1 200 OK\r\nX: \t\rY: b\r\nContent-Length: 2\r\n\r\nok';
  const upstreamPort = await startCannedFunction(t, Buffer.from(reply, 'latin1'), (socket) => socket.end());
  const { port } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send('GET /function/env HTTP/1.1\r\nHost: a\r\n\r\n');
  if (t.context.road === 'fast') t.regex(await caller.sees('env'), /^HTTP\/1\.1 502 /);
  else t.regex(await caller.sees('ok'), /\r\nX: ?\r\nY: b\r\n/);
});

test('a trailer with odd bytes reaches the caller, clean', async (t) => {
  const reply = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: a\x01b\xff\r\n\r\n';
  const upstreamPort = await startCannedFunction(t, Buffer.from(reply, 'latin1'));
  const { port } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send('GET /function/env HTTP/1.1\r\nHost: a\r\n\r\n');
  t.regex(await caller.sees('X-T'), /\r\n0\r\nX-T: a b\xff\r\n\r\n$/);
});
