import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { roads, test } from './each-road.ts';
import fc from 'fast-check';
import { bent, reply, wellFormed, type FuzzConnection, type FuzzReply } from './fuzz-requests.ts';
import { call, startFront, startFunction, startRawFunction } from './world.ts';

/** For each road the unit of the shares below; what is well-formed is drawn more often for both roads. FUZZ_SEED repeats a run. */
const cases = Number(process.env.FUZZ_CASES ?? 200_000) / roads.length;
const seed = Number(process.env.FUZZ_SEED ?? Date.now() & 0x7fffffff);

/** A connection that does nothing for this long hangs. */
const hangMs = 20_000;

const marks = /m\d+m/;

/** The function: counts what it sees, and says what that was. */
async function startCounting(t: ExecutionContext) {
  const seen = new Map<string, number>();
  const { port } = await startFunction(t, (req, res) => {
    const key = `${req.method} ${req.url}`;
    seen.set(key, (seen.get(key) ?? 0) + 1);
    const chunks: Buffer[] = [];
    req.on('error', () => {}).on('data', (chunk: Buffer) => chunks.push(chunk));
    req.once('end', () => {
      res.setHeader('X-Answer', `${marks.exec(req.url ?? '')?.[0]}=${Buffer.concat(chunks).toString('base64')}`);
      res.end('the answer');
    });
  });
  return { port, seen };
}

/** Counts what the front's server has taken for a request. */
function countTaken(front: { server: Server }) {
  const taken = new Map<string, number>();
  const count = ({ method, url = '' }: { method?: string; url?: string }) => {
    const path = url.replace(/^\/function\/[^/?]*/, '').replace(/^(?!\/)/, '/');
    taken.set(`${method} ${path}`, (taken.get(`${method} ${path}`) ?? 0) + 1);
  };
  front.server.prependListener('request', count).prependListener('upgrade', count);
  return taken;
}

async function write(socket: Socket, { bytes, writeSize }: { bytes: string; writeSize: number }): Promise<void> {
  if (writeSize === 0) return void socket.write(bytes, 'latin1');
  for (let at = 0; at < Math.min(bytes.length, writeSize * 20) && socket.writable; at += writeSize) {
    socket.write(bytes.slice(at, at + writeSize), 'latin1');
    await new Promise(setImmediate);
  }
  if (socket.writable) socket.write(bytes.slice(writeSize * 20), 'latin1');
}

interface Exchange {
  text: string;
  hangs: boolean;
}

/** Sends and reads until the connection is closed, or what was read is `done`. */
async function exchange(
  port: number,
  sent: Omit<FuzzConnection, 'requests'>,
  done: (text: string) => boolean,
): Promise<Exchange> {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  const result = { text: '', hangs: false };
  const finished = new Promise<void>((resolve) => {
    socket.once('close', resolve);
    socket.on('data', (chunk: Buffer) => {
      result.text += chunk.toString('latin1');
      if (done(result.text)) resolve();
    });
  });
  const timer = setTimeout(() => {
    result.hangs = true;
    socket.destroy();
  }, hangMs);
  await write(socket, sent);
  await finished;
  clearTimeout(timer);
  socket.destroy();
  return result;
}

let block = seed;

/** Draws from the arbitrary until `count` requests are made, many connections at a time. */
async function draw<T>(arbitrary: fc.Arbitrary<T>, count: number, run: (value: T) => Promise<number>): Promise<void> {
  let left = count;
  let values: T[] = [];
  const worker = async () => {
    while (left > 0) {
      if (values.length === 0) values = fc.sample(arbitrary, { numRuns: 200, seed: block++ });
      const value = values.pop();
      const requests = value === undefined ? 0 : await run(value);
      left -= requests;
    }
  };
  try {
    await Promise.all(Array.from({ length: 96 }, worker));
  } finally {
    left = 0;
  }
}

const shards = 4;
for (let shard = 1; shard <= shards; shard++) {
  test.serial(`well-formed requests are each seen once by the function and answered in order (${shard})`, async (t) => {
    t.timeout(300_000);
    t.log(`FUZZ_SEED=${seed}`);
    const { port: upstreamPort, seen } = await startCounting(t);
    const { port } = await startFront(t, upstreamPort);
    await draw(wellFormed, (cases * 0.25) / shards, async (sent) => {
      const expected = sent.cases.map(({ mark, body }) => `${mark}=${Buffer.from(body, 'latin1').toString('base64')}`);
      const answers = (text: string) => [...text.matchAll(/^X-Answer: (.*)\r$/gm)].map(([, answer]) => answer);
      const { text, hangs } = await exchange(port, sent, (text) => answers(text).length === expected.length);
      const context = JSON.stringify({ ...sent, text: text.slice(0, 3_000) });
      if (hangs || answers(text).join() !== expected.join()) t.fail(`hangs: ${hangs} ${context}`);
      return sent.cases.length;
    });
    t.true([...seen.values()].every((count) => count === 1));
    t.false(
      [...seen.keys()].some((key) => !marks.test(key)),
      'a decoy in a body became a request',
    );
  });

  test.serial(
    `of bent requests the function sees each that the server took at most once, and nothing else (${shard})`,
    async (t) => {
      t.timeout(300_000);
      const { port: upstreamPort, seen } = await startCounting(t);
      const front = await startFront(t, upstreamPort, { readTimeoutMs: 500 });
      front.server.keepAliveTimeout = 200;
      const taken = countTaken(front);
      const fence = 'last-one';
      await draw(bent, (cases * 0.4) / shards, async (sent) => {
        const bytes = `${sent.bytes}GET /function/env/${fence}?m0m HTTP/1.1\r\nHost: a\r\n\r\n`;
        const { text, hangs } = await exchange(front.port, { ...sent, bytes }, (text) =>
          text.includes('X-Answer: m0m='),
        );
        if (hangs) t.fail(`hangs: ${JSON.stringify({ ...sent, text: text.slice(0, 3_000) })}`);
        if (text !== '' && !text.startsWith('HTTP/1.1 ')) t.fail(`not HTTP: ${JSON.stringify({ ...sent, text })}`);
        return sent.cases.length;
      });
      const tooOften = [...seen].filter(([key, count]) => count > (taken.get(key) ?? 0));
      t.deepEqual(tooOften, []);
      t.is((await call(front.port)).status, 200);
    },
  );
}

test.serial('whatever a function answers, every caller gets HTTP or is cut off', async (t) => {
  t.timeout(300_000);
  const replies: FuzzReply[] = [];
  const upstreamPort = await startRawFunction(t, (socket) => {
    socket.on('data', () => {
      const said = replies.pop();
      if (said) void answer(socket, said);
    });
  });
  // Only a function that neither answers nor ends is for the time limit.
  const { port, outcomes } = await startFront(t, upstreamPort, { upstreamTimeoutMs: 300 });
  const verbs = ['GET', 'POST', 'HEAD', 'UPGRADE'];
  let calls = 0;
  await draw(reply, cases * 0.05, async (said) => {
    replies.push(said);
    const verb = verbs[calls++ % verbs.length] ?? 'GET';
    const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket';
    const [method, more] = verb === 'UPGRADE' ? ['GET', upgrade] : [verb, 'Connection: close'];
    const bytes = `${method} /function/env HTTP/1.1\r\nHost: a\r\n${more}\r\n\r\n`;
    const sent = { bytes, cases: [], writeSize: 0 };
    const { text, hangs } = await exchange(port, sent, (text) => text.includes(' 101 ') || text.includes(' 504 '));
    if (hangs || (text !== '' && !text.startsWith('HTTP/1.1 '))) t.fail(JSON.stringify({ said, verb, hangs, text }));
    return 1;
  });
  const deadline = Date.now() + hangMs;
  while (outcomes.length < calls && Date.now() < deadline) await sleep(50);
  t.true(outcomes.length >= calls, `${outcomes.length} of ${calls} endpoints were released`);
});

async function answer(socket: Socket, said: FuzzReply): Promise<void> {
  await write(socket, said);
  if (said.end === 'end') socket.end();
  if (said.end === 'reset') socket.resetAndDestroy();
}
