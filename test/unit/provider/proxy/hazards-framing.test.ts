import type { ExecutionContext } from 'ava';
import { test } from './each-road.ts';
import { RawCaller, startFront, startFunction, startRawFunction } from './world.ts';
import { until } from '../../../helpers/poll.ts';

interface Seen {
  method: string;
  url: string;
  body: string;
}

/** A function that remembers each request that it saw, behind the front. */
async function setUp(t: ExecutionContext) {
  const seen: Seen[] = [];
  const { port: upstreamPort } = await startFunction(t, (req, res) => {
    let body = '';
    req.setEncoding('latin1').on('data', (chunk: string) => (body += chunk));
    req.on('end', () => {
      seen.push({ method: req.method ?? '', url: req.url ?? '', body });
      res.end(`seen ${req.url}`);
    });
  });
  const { port } = await startFront(t, upstreamPort);
  return { seen, caller: new RawCaller(t, port), port };
}

const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
const chunkedBody = `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`;

for (const method of ['DELETE', 'OPTIONS', 'GET', 'HEAD', 'POST']) {
  test(`${method} with a chunked body reaches the function as one request`, async (t) => {
    const { seen, caller } = await setUp(t);
    caller.send(`${method} /function/env/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunkedBody}`);
    await caller.sees('HTTP/1.1 200');
    caller.send('GET /function/env/second HTTP/1.1\r\nHost: a\r\n\r\n');
    await caller.sees('seen /second');
    t.deepEqual(seen, [
      { method, url: '/a', body: smuggled },
      { method: 'GET', url: '/second', body: '' },
    ]);
  });

  test(`${method} with a body of known length reaches the function as one request`, async (t) => {
    const { seen, caller } = await setUp(t);
    const head = `${method} /function/env/a HTTP/1.1\r\nHost: a\r\nContent-Length: ${smuggled.length}\r\n\r\n`;
    caller.send(`${head}${smuggled}`);
    await caller.sees('HTTP/1.1 200');
    caller.send('GET /function/env/second HTTP/1.1\r\nHost: a\r\n\r\n');
    await caller.sees('seen /second');
    t.deepEqual(
      seen.map(({ method, url, body }) => `${method} ${url} ${body}`),
      [`${method} /a ${smuggled}`, 'GET /second '],
    );
  });
}

for (const named of ['Content-Length', 'Transfer-Encoding', 'Content-Length, Host']) {
  test(`naming ${named} in Connection does not take the framing away`, async (t) => {
    const { seen, caller } = await setUp(t);
    const framing = named === 'Transfer-Encoding' ? 'Transfer-Encoding: chunked' : `Content-Length: ${smuggled.length}`;
    const body = named === 'Transfer-Encoding' ? chunkedBody : smuggled;
    caller.send(`GET /function/env/a HTTP/1.1\r\nHost: a\r\nConnection: ${named}\r\n${framing}\r\n\r\n${body}`);
    await caller.sees('HTTP/1.1 200');
    const second = 'GET /function/env/second HTTP/1.1\r\nHost: a\r\n\r\n';
    caller.send(second);
    await until(() => seen.length >= 1);
    t.deepEqual(seen[0], { method: 'GET', url: '/a', body: smuggled });
    t.false(seen.some(({ url }) => url === '/smuggled'));
  });
}

const refused: [string, string][] = [
  ['both Content-Length and Transfer-Encoding', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'],
  ['two different Content-Lengths', 'Content-Length: 5\r\nContent-Length: 6\r\n'],
  ['a signed Content-Length', 'Content-Length: +5\r\n'],
  ['a list as Content-Length', 'Content-Length: 5, 5\r\n'],
  ['obsolete line folding', 'X-A: b\r\n c\r\n'],
  ['a space before the colon', 'X-A : b\r\n'],
  ['a space within a name', 'X A: b\r\n'],
  ['a bare CR in a value', 'X-A: b\rc\r\n'],
  ['a NUL in a value', 'X-A: b\0c\r\n'],
  ['chunked as not the last coding', 'Transfer-Encoding: chunked, gzip\r\n'],
  ['a broken name of chunked', 'Transfer-Encoding: xchunked\r\n'],
];
for (const [title, headers] of refused) {
  test(`a request with ${title} is refused and never reaches the function`, async (t) => {
    const { seen, caller } = await setUp(t);
    caller.send(`POST /function/env HTTP/1.1\r\nHost: a\r\n${headers}\r\n5\r\nhello\r\n0\r\n\r\n`);
    await caller.sees(/HTTP\/1\.1 (400|501)/);
    t.deepEqual(seen, []);
  });
}

test('a coding of the body beside chunked is refused with 501', async (t) => {
  const { seen, caller } = await setUp(t);
  caller.send('POST /function/env HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n');
  await caller.sees('HTTP/1.1 501');
  t.deepEqual(seen, []);
});

for (const broken of ['5\r\nhelloX\r\n', 'zz\r\n', '5;a=b\nhello\r\n', '-1\r\n\r\n', 'FFFFFFFFFFFFFFFFF\r\n']) {
  test(`a body broken as ${JSON.stringify(broken)} never looks complete to the function`, async (t) => {
    const { seen, caller } = await setUp(t);
    caller.send(`POST /function/env HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${broken}`);
    await caller.isCut();
    t.deepEqual(seen, []);
  });
}

test('pipelined requests are answered each and in order', async (t) => {
  const { seen, caller } = await setUp(t);
  const count = 50;
  for (let i = 0; i < count; i++) caller.send(`GET /function/env/${i}. HTTP/1.1\r\nHost: a\r\n\r\n`);
  const text = await caller.sees(`seen /${count - 1}.`);
  t.deepEqual(
    [...text.matchAll(/seen \/(\d+)\./g)].map(([, index]) => Number(index)),
    Array.from({ length: count }, (_, index) => index),
  );
  t.is(seen.length, count);
});

test('odd paths arrive byte for byte', async (t) => {
  const paths = [
    '/', '//x//y', '/a%2Fb', '/a\\b', '/a{b}', '/?a=b?c', '/a/../b', '/./a', '/%', '/%zz', '/a;b=c', '/~`^|"<>',
    '/?', '/a?', '/?a[]=1&b=%20+', "/'()*!$&,;=:@", '/http://b/c', '/a?b=//c\\d', '/%00', '/a//', '///',
  ]; // prettier-ignore
  const lines: string[] = [];
  const upstreamPort = await startRawFunction(t, (socket) =>
    socket.on('data', (data: Buffer) => {
      lines.push(data.toString('latin1').split('\r\n', 1)[0] ?? '');
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone');
    }),
  );
  const { port } = await startFront(t, upstreamPort);
  for (const path of paths) {
    const caller = new RawCaller(t, port);
    caller.send(`GET /function/env${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await caller.sees('done');
  }
  t.deepEqual(
    lines,
    paths.map((path) => `GET ${path} HTTP/1.1`),
  );
});

test('without a path the function sees /', async (t) => {
  const { seen, caller } = await setUp(t);
  caller.send('GET /function/env HTTP/1.1\r\nHost: a\r\n\r\nGET /function/env.dev?q=1 HTTP/1.1\r\nHost: a\r\n\r\n');
  await caller.sees('seen /?q=1');
  t.deepEqual(seen.map(({ url }) => url).sort(), ['/', '/?q=1']);
});
