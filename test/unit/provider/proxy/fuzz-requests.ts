import type { ServerResponse } from 'node:http';
import fc from 'fast-check';

/** What is sent on one connection: requests back to back. */
export interface FuzzConnection {
  bytes: string;
  /** The bytes of each request, as they were before they were bent. */
  requests: string[];
  /** Requests, each with the mark that its path bears. */
  cases: FuzzCase[];
  /** How many bytes go in each write; 0 is all at once. */
  writeSize: number;
}

export interface FuzzCase {
  /** What the function must see, when the request is well-formed. */
  mark: string;
  body: string;
}

const latin1 = (from: number, to: number) =>
  fc.integer({ min: from, max: to }).map((code) => String.fromCharCode(code));

/** Visible characters and the high half: what a header value may hold. */
const valueChars = fc.oneof({ weight: 8, arbitrary: latin1(0x21, 0x7e) }, latin1(0x80, 0xff), fc.constant(' '));
const pathChars = fc.oneof(
  latin1(0x21, 0x7e),
  fc.constantFrom('/', '?', '%', '%2F', '%00', '\\', '{', '}', '..', '//'),
);
const nameChars = fc.constantFrom(...'abcxyzABC019-_!#$&*+.^`|~');
const anyByte = fc.oneof(latin1(0, 0xff), fc.constantFrom('\r', '\n', '\r\n', '\0', ' ', '\t', ':', ';', ',', '\x7f'));

const methods = ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH', 'PROPFIND', 'M-SEARCH', 'TRACE', 'QUERY'];

const header = fc.tuple(
  fc.string({ unit: nameChars, minLength: 1, maxLength: 12 }).map((name) => `X-${name}`),
  fc.string({ unit: valueChars, maxLength: 40 }).map((value) => value.trim()),
);

/** Well-formed, and each once meant trouble to some proxy. */
const oddHeader = fc.constantFrom<[string, string]>(
  ['Connection', 'keep-alive, Content-Length'],
  ['Connection', 'Transfer-Encoding, Host, X-a'],
  ['Connection', ',,,'],
  ['Keep-Alive', 'timeout=1'],
  ['TE', 'trailers, deflate'],
  ['Trailer', 'X-Sum, Content-Length'],
  ['Expect', '100-continue'],
  ['Upgrade', 'h2c'],
  ['Proxy-Connection', 'keep-alive'],
  ['X-Forwarded-For', '1.2.3.4, ::1'],
  ['X-Forwarded-Host', ''],
  ['Content-Type', 'text/event-stream'],
  ['__proto__', 'a'],
  ['constructor', 'b'],
  ['hasOwnProperty', 'c'],
  ['Cookie', 'a=b; c=d'],
  ['Content-Disposition', 'attachment; filename="\xe4"'],
  ['Range', 'bytes=0-0'],
  ['If-None-Match', '*'],
  ['Authorization', 'Basic Og=='],
  ['Idempotency-Key', 'k'],
);

const decoy = fc.constantFrom(
  '',
  'GET /function/env/decoy HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST /decoy HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n',
  '\r\n0\r\n\r\nGET /function/env/decoy HTTP/1.1\r\nHost: a\r\n\r\n',
  '0\r\n\r\n',
);

const body = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  {
    weight: 4,
    arbitrary: fc.record({
      text: fc.tuple(decoy, fc.string({ unit: anyByte, maxLength: 60 })).map((parts) => parts.join('')),
      chunked: fc.boolean(),
      chunkSize: fc.integer({ min: 1, max: 80 }),
      extension: fc.constantFrom('', '', ';a', ';a=b', ';a="b c"'),
      trailer: fc.constantFrom('', '', 'X-Sum: 1\r\n', 'X-A: \xff\r\nX-B:\r\n'),
    }),
  },
);

const request = fc.record({
  method: fc.constantFrom(...methods),
  namespace: fc.constantFrom('', '', '.dev'),
  tail: fc.string({ unit: pathChars, maxLength: 20 }),
  headers: fc.array(fc.oneof({ weight: 3, arbitrary: header }, oddHeader), { maxLength: 5 }),
  body,
});

type Request = typeof request extends fc.Arbitrary<infer T> ? T : never;

function render({ method, namespace, tail, headers, body }: Request, mark: string): string {
  const lines = [`${method} /function/env${namespace}/${mark}/${tail} HTTP/1.1`, 'Host: front'];
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  if (!body) return `${lines.join('\r\n')}\r\n\r\n`;
  const { text, chunked, chunkSize, extension, trailer } = body;
  if (!chunked) return `${lines.join('\r\n')}\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
  const chunks: string[] = [];
  for (let at = 0; at < text.length; at += chunkSize) {
    const chunk = text.slice(at, at + chunkSize);
    chunks.push(`${chunk.length.toString(16)}${extension}\r\n${chunk}\r\n`);
  }
  return `${lines.join('\r\n')}\r\nTransfer-Encoding: chunked\r\n\r\n${chunks.join('')}0\r\n${trailer}\r\n`;
}

/** Lines that make the end of a message, or its meaning, doubtful. */
const poison = fc.constantFrom(
  'Transfer-Encoding: chunked', 'Transfer-Encoding: Chunked', 'Transfer-Encoding:\tchunked', 'Transfer-Encoding : chunked',
  'Transfer-Encoding: identity', 'Transfer-Encoding: gzip, chunked', 'Transfer-Encoding: chunked, chunked', 'Transfer-Encoding:',
  'Transfer-Encoding: \x0bchunked', 'Transfer_Encoding: chunked', ' Transfer-Encoding: chunked', 'X: a\r\n Transfer-Encoding: chunked',
  'Content-Length: 0', 'Content-Length: 7', 'Content-Length: -1', 'Content-Length: 1e1', 'Content-Length: 0x5', 'Content-Length: 5 5',
  'Content-Length: 18446744073709551617', 'Content-Length:', 'Content-Length: 00005', 'Content_Length: 5', 'Host: other', 'Host:',
  'Connection: close', 'Proxy-Connection: close', 'Connection: Upgrade\r\nUpgrade: websocket', 'Upgrade: websocket', 'HTTP2-Settings: AA', 'Expect: 200-ok',
  ': novalue', 'NoColon', '\tX: y', 'X: a\nY: b', 'X: a\rY: b', 'X\0: y', '', 'GET / HTTP/1.1', 'PRI * HTTP/2.0',
); // prettier-ignore

const mutation = fc.oneof(
  fc.record({ kind: fc.constant('insert' as const), at: fc.nat(), text: anyByte }),
  fc.record({ kind: fc.constant('replace' as const), at: fc.nat(), text: anyByte }),
  fc.record({ kind: fc.constant('delete' as const), at: fc.nat(), count: fc.integer({ min: 1, max: 30 }) }),
  fc.record({ kind: fc.constant('repeat' as const), at: fc.nat(), count: fc.integer({ min: 1, max: 200 }) }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('line' as const), at: fc.nat(), text: poison }),
  fc.record({ kind: fc.constant('line' as const), at: fc.nat(), text: poison }),
  fc.record({ kind: fc.constant('long' as const), at: fc.nat(), count: fc.constantFrom(1_000, 20_000, 140_000) }),
  fc.record({ kind: fc.constant('bareLf' as const), at: fc.nat() }),
);

type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

function mutate(bytes: string, change: Mutation): string {
  const at = change.at % (bytes.length + 1);
  switch (change.kind) {
    case 'insert':
      return bytes.slice(0, at) + change.text + bytes.slice(at);
    case 'replace':
      return bytes.slice(0, at) + change.text + bytes.slice(at + 1);
    case 'delete':
      return bytes.slice(0, at) + bytes.slice(at + change.count);
    case 'repeat':
      return bytes.slice(0, at) + bytes.slice(at, at + change.count).repeat(2) + bytes.slice(at + change.count);
    case 'cut':
      return bytes.slice(0, at);
    case 'line': {
      const lines = bytes.split('\r\n');
      lines.splice(1 + (change.at % lines.length), 0, change.text);
      return lines.join('\r\n');
    }
    case 'long':
      return bytes.slice(0, at) + 'a'.repeat(change.count) + bytes.slice(at);
    case 'bareLf':
      return bytes.slice(0, at) + bytes.slice(at).replace('\r\n', '\n');
  }
}

const writeSize = fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 700 }));

let nextMark = 0;

function connection(requests: Request[], mutations: Mutation[], size: number): FuzzConnection {
  const cases = requests.map(({ body: sent }) => ({ mark: `m${nextMark++}m`, body: sent?.text ?? '' }));
  const rendered = requests.map((each, index) => render(each, cases[index]?.mark ?? ''));
  return { bytes: mutations.reduce(mutate, rendered.join('')), requests: rendered, cases, writeSize: size };
}

const requests = fc.array(request, { minLength: 1, maxLength: 12 });

/** Requests that every server must take. */
export const wellFormed = fc.tuple(requests, writeSize).map(([list, size]) => connection(list, [], size));

/** Requests that were bent in one to four places. */
export const bent = fc
  .tuple(
    fc.array(request, { minLength: 1, maxLength: 6 }),
    fc.array(mutation, { minLength: 1, maxLength: 4 }),
    writeSize,
  )
  .map(([list, mutations, size]) => connection(list, mutations, size));

const replyHead = fc.constantFrom(
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n',
  'HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n',
  'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nbytes',
  'HTTP/1.0 500 Oops\r\n\r\nuntil the end',
  'HTTP/1.1 200 OK\nX-A: b\nContent-Length: 2\n\nok',
  'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: \x01\xff\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nbody',
  'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n',
  'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 302 Found\r\nLocation: /x\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
);

export interface FuzzReply {
  bytes: string;
  end: 'end' | 'reset' | 'stay';
  writeSize: number;
}

/** The bytes of a broken function. */
export const bentReply = fc
  .tuple(fc.array(replyHead, { minLength: 1, maxLength: 2 }), fc.array(mutation, { maxLength: 4 }))
  .map(([heads, mutations]) => mutations.reduce(mutate, heads.join('')));

/** What a broken function may say. */
export const reply: fc.Arbitrary<FuzzReply> = fc.record({
  bytes: bentReply,
  end: fc.constantFrom('end', 'end', 'reset', 'stay'),
  writeSize,
});

/** A reply that a sound server gives. */
export interface StructuredReply {
  sendTo(res: ServerResponse): void;
  /** Whether an answer to a request of this method is what was meant. */
  isIn(answer: { status: number; headers: string[]; body: string }, method: string): boolean;
}

export const structuredReply: fc.Arbitrary<StructuredReply> = fc
  .record({
    status: fc.constantFrom(200, 200, 201, 204, 206, 301, 304, 404, 500, 503, 799),
    headers: fc.array(header, { maxLength: 4 }),
    pieces: fc.array(fc.string({ unit: anyByte, maxLength: 200 }), { maxLength: 3 }),
    // A connection that is closed costs as much as some calls.
    framing: fc.constantFrom('length', 'length', 'length', 'chunked', 'chunked', 'chunked', 'trailers', 'close'),
    interim: fc.constantFrom(false, false, true),
  })
  .map(({ status, headers, pieces, framing, interim }) => ({
    sendTo(res) {
      if (interim) res.writeEarlyHints({ link: '</a>; rel=preload' });
      const body = pieces.map((piece) => Buffer.from(piece, 'latin1'));
      const list = headers.flat();
      if (framing === 'length') list.push('Content-Length', String(Buffer.concat(body).length));
      const trails = framing === 'trailers' && status !== 204 && status !== 304 && res.req.method !== 'HEAD';
      if (trails) list.push('Trailer', 'X-Sum');
      if (framing === 'close') list.push('Connection', 'close');
      res.writeHead(status, list);
      for (const piece of body) if (piece.length > 0) res.write(piece);
      if (trails) res.addTrailers({ 'X-Sum': '1' });
      res.end();
    },
    isIn(answer, method) {
      const hasBody = method !== 'HEAD' && status !== 204 && status !== 304;
      const lines = headers.map(([name, value]) => `${name.toLowerCase()}: ${value.replaceAll(/[ \t]+/g, ' ')}`);
      return (
        answer.status === status &&
        answer.body === (hasBody ? pieces.join('') : '') &&
        lines.every((line) => answer.headers.includes(line))
      );
    },
  }));
