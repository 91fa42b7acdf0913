/** The same requests and replies by both roads: the function is sent the same, and the caller too. */
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import fc from 'fast-check';
import { ReplyParser } from '../../../../src/provider/proxy/fast/reply-parser.ts';
import { createFastProxy, createHttpProxy } from '../../../../src/provider/proxy/index.ts';
import { bentReply, structuredReply, wellFormed, type StructuredReply } from './fuzz-requests.ts';
import { startFront, startFunction, startRawFunction } from './world.ts';

/**
 * Requests in all, each by both roads, half of them in each of two files, which run side by side: 200 000 in `test/run all`.
 * FUZZ_SEED repeats a run.
 */
const cases = Number(process.env.FUZZ_BOTH_ROADS ?? 20_000);
const seed = Number(process.env.FUZZ_SEED ?? Date.now() & 0x7fffffff);
/** How often a drawn value is used, each time beside another one: to draw is dear. */
const uses = 4;
const hangMs = 20_000;
const workers = 48;

interface Answer {
  status: number;
  /** Sorted, without the date. */
  headers: string[];
  body: string;
  trailers: string[];
  /** False when the connection was cut before the answer was whole. */
  isWhole: boolean;
  /** Another request may follow on the connection. */
  isKept: boolean;
}

const sorted = (list: string[]) =>
  list
    .flatMap((name, at) => (at % 2 === 0 ? [`${name.toLowerCase()}: ${list[at + 1]?.replaceAll(/[ \t]+/g, ' ')}`] : []))
    // Listed differences: blanks where a header goes on in the next line, and
    // http-proxy says that there is no body where others say nothing.
    .filter((line) => !/^(date|x-forwarded-for|connection|content-length: 0$)/.test(line))
    .sort();

/** One request on a connection, and what came back. */
async function ask(socket: Socket, bytes: string): Promise<Answer> {
  const answer: Answer = { status: 0, headers: [], body: '', trailers: [], isWhole: false, isKept: false };
  const { promise, resolve } = Promise.withResolvers<void>();
  const method = bytes.slice(0, bytes.indexOf(' '));
  const parser = new ReplyParser(
    { method, maxHeaderBytes: 1 << 20 },
    {
      onInterim: () => {},
      onHead: ({ status, headers }) => Object.assign(answer, { status, headers: sorted(headers) }),
      onData: (chunk) => (answer.body += chunk.toString('latin1')),
      onEnd: (trailers) => {
        Object.assign(answer, { trailers: sorted(trailers), isWhole: true });
        resolve();
      },
    },
  );
  const onData = (chunk: Buffer) => parser.push(chunk);
  const timer = setTimeout(() => socket.destroy(new Error(`hangs: ${JSON.stringify(bytes)}`)), hangMs);
  socket.on('data', onData).once('close', resolve).write(bytes, 'latin1');
  await promise;
  clearTimeout(timer);
  answer.isKept = parser.keepMs > 0;
  socket.off('data', onData).off('close', resolve);
  return answer;
}

/** A caller that keeps its connection for as long as it is kept. */
class Caller {
  readonly #port: number;
  #socket?: Socket;

  constructor(port: number) {
    this.#port = port;
  }

  async ask(bytes: string): Promise<Answer> {
    if (!this.#socket?.writable || this.#socket.readableEnded) {
      this.#socket = connect(this.#port, '127.0.0.1').on('error', () => {});
      await once(this.#socket, 'connect');
    }
    const answer = await ask(this.#socket, bytes);
    if (!answer.isKept) this.leave();
    return answer;
  }

  leave(): void {
    this.#socket?.destroy();
  }
}

let block = seed;

/** Draws until `count` are done, many at a time. */
async function draw<T>(
  count: number,
  arbitrary: fc.Arbitrary<T>,
  newWorker: () => [run: (value: T) => Promise<void>, end: () => void],
): Promise<void> {
  let left = count;
  let values: T[] = [];
  const work = async () => {
    const [run, end] = newWorker();
    while (left-- > 0) {
      if (values.length === 0) values = fc.sample(arbitrary, { numRuns: 100, seed: block++ });
      const value = values.pop();
      if (value !== undefined) await run(value);
    }
    end();
  };
  await Promise.all(Array.from({ length: workers }, work));
}

const markOf = (url: string | undefined) => /m\d+m/.exec(url ?? '')?.[0] ?? '';

interface Case {
  mark: string;
  bytes: string;
  body: string;
  said: StructuredReply;
}

/** Requests and replies, each used a few times and never twice beside the same one. */
const someCases: fc.Arbitrary<Case[]> = fc
  .tuple(
    fc.array(wellFormed, { minLength: uses, maxLength: uses }),
    fc.array(structuredReply, { minLength: uses, maxLength: uses }),
  )
  .map(([sent, replies]) =>
    sent.flatMap(({ requests: [bytes = ''], cases: [first] }) =>
      replies.map((said) => {
        const mark = `m${marks++}m`;
        return { mark, bytes: bytes.replace(first?.mark ?? '', mark), body: first?.body ?? '', said };
      }),
    ),
  );
let marks = 0;

/** Well-formed requests and replies pass the same by both roads, and as they were meant. */
export async function passTheSame(t: ExecutionContext, firstBlock = 0): Promise<void> {
  block += firstBlock;
  t.timeout(600_000);
  t.log(`FUZZ_SEED=${seed}`);
  const replies = new Map<string, StructuredReply>();
  const seen = new Map<string, string[]>();
  const record: RequestListener = (req, res) => {
    const chunks: Buffer[] = [];
    req.on('error', () => {}).on('data', (chunk: Buffer) => chunks.push(chunk));
    req.once('end', () => {
      const mark = markOf(req.url);
      const { method, url, rawHeaders, rawTrailers } = req;
      const body = Buffer.concat(chunks).toString('latin1');
      const list = seen.get(mark) ?? [];
      seen.set(mark, [...list, JSON.stringify([method, url, sorted(rawHeaders), body, rawTrailers])]);
      replies.get(mark)?.sendTo(res);
    });
  };
  const { port: upstreamPort, server } = await startFunction(t, record);
  server.on('checkContinue', record);
  const ports = [
    (await startFront(t, upstreamPort, { proxy: createFastProxy() })).port,
    (await startFront(t, upstreamPort, { proxy: createHttpProxy() })).port,
  ];
  await draw((cases * 0.475) / (uses * uses), someCases, () => {
    const callers = ports.map((port) => new Caller(port));
    const run = async (some: Case[]) => {
      for (const { mark, bytes, body, said } of some) {
        replies.set(mark, said);
        const [fast, other] = await Promise.all(callers.map((caller) => caller.ask(bytes)));
        const [sentFast, sentOther] = seen.get(mark) ?? [];
        seen.delete(mark);
        replies.delete(mark);
        const sent = JSON.parse(sentFast ?? '[]') as unknown[];
        if (sentFast !== sentOther || sent[0] !== bytes.slice(0, bytes.indexOf(' ')) || sent[3] !== body)
          t.fail(JSON.stringify({ sentFast, sentOther, fast, other, bytes, body }));
        if (JSON.stringify(fast) !== JSON.stringify(other) || !fast?.isWhole || !said.isIn(fast, String(sent[0])))
          t.fail(JSON.stringify({ fast, other, bytes, said }));
      }
    };
    return [run, () => callers.forEach((caller) => caller.leave())];
  });
  t.pass();
}

/**
 * The differences of broken replies: one parser takes what the other refuses (a length said twice, chunks without CR, a status
 * line with odd blanks). Where both roads give a whole answer of the function's, it is the same one.
 */
export async function bentTheSame(t: ExecutionContext): Promise<void> {
  t.timeout(300_000);
  const upstreamPort = await startRawFunction(t, (socket) => {
    let text = '';
    socket.on('data', (data: Buffer) => {
      text += data.toString('latin1');
      const said = /\r\nx-say: (.*)\r\n[^]*\r\n\r\n/.exec(text)?.[1];
      if (said !== undefined) socket.end(Buffer.from(said, 'base64'));
    });
  });
  const options = { upstreamTimeoutMs: hangMs };
  const ports = [
    (await startFront(t, upstreamPort, { ...options, proxy: createFastProxy() })).port,
    (await startFront(t, upstreamPort, { ...options, proxy: createHttpProxy() })).port,
  ];
  let both = 0;
  await draw(cases * 0.05, bentReply, () => {
    const run = async (bytes: string) => {
      const said = Buffer.from(bytes, 'latin1').toString('base64');
      const request = `GET /function/env HTTP/1.1\r\nHost: a\r\nX-Say: ${said}\r\nConnection: close\r\n\r\n`;
      const answers = await Promise.all(
        ports.map(async (port) => {
          const caller = new Caller(port);
          const answer = await caller.ask(request);
          caller.leave();
          return answer;
        }),
      );
      const [fast, other] = answers;
      if (answers.some(({ isWhole, headers }) => !isWhole || headers.includes('x-openfaas-internal: proxy'))) return;
      both += 1;
      if (JSON.stringify(fast) !== JSON.stringify(other)) t.fail(JSON.stringify({ bytes, fast, other }));
    };
    return [run, () => {}];
  });
  t.true(both > cases * 0.01);
}
