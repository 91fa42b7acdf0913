import { randomBytes } from 'node:crypto';
import { Agent, request, type ClientRequest, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** What callers have met since the last look. */
export interface CallTally {
  calls: number;
  left: number;
  slow: number;
  failures: string[];
}

const piece = randomBytes(32 * 1024).toString('base64');

/** Calls functions in every way that callers do, until it is stopped; whatever is not answered as it must be is a failure. */
export class OddCallers {
  readonly tally: CallTally = { calls: 0, left: 0, slow: 0, failures: [] };
  readonly #agent = new Agent({ keepAlive: true });
  readonly #url: string;
  readonly #running: Promise<void>[] = [];
  #going = true;

  /** `url` is that of the function, without an end. */
  constructor(url: string) {
    this.#url = url;
  }

  /** Callers that each send the next call when the last is answered, so many a second in all; without a pace as fast as it goes. */
  steady(callers: number, perSecond = Infinity): void {
    for (let i = 0; i < callers; i++) this.#keep(() => this.#exchange(i), (callers * 1000) / perSecond);
  }

  /** Callers that leave: before an answer, in the middle of one, in the middle of a body. */
  leaving(callers: number): void {
    const ways = [() => this.#leaveEarly(), () => this.#leaveInAnswer(), () => this.#leaveInBody()];
    for (let i = 0; i < callers; i++) this.#keep((turn) => ways[(i + turn) % ways.length]?.(), 100);
  }

  /** Callers that send and take 1 MiB slowly, and must get all of it. */
  slow(callers: number): void {
    for (let i = 0; i < callers; i++) this.#keep(() => this.#echoSlowly(), 0);
  }

  async stop(): Promise<void> {
    this.#going = false;
    await Promise.all(this.#running);
    this.#agent.destroy();
  }

  #keep(act: (turn: number) => Promise<void> | undefined, everyMs: number): void {
    const run = async () => {
      let dueMs = performance.now() + Math.random() * everyMs;
      for (let turn = 0; this.#going; turn++) {
        const waitMs = dueMs - performance.now();
        if (waitMs > 1) await sleep(waitMs);
        await act(turn);
        // One that is late calls at once, but does not make up for what it missed.
        dueMs = Math.max(dueMs + everyMs, performance.now() - everyMs);
      }
    };
    this.#running.push(run());
  }

  async #exchange(turn: number): Promise<void> {
    this.tally.calls += 1;
    const body = this.tally.calls % 4 === turn % 4 ? piece.slice(0, 2000) : undefined;
    const asked = this.#ask(body === undefined ? 'GET' : 'POST', body === undefined ? '/' : '/echo');
    const answer = answerTo(asked, (reply) => textOf(reply));
    asked.end(body);
    const { status, text } = await answer;
    if (status !== 200 || (body !== undefined && text !== body)) this.#failed('call', status, text);
  }

  async #leaveEarly(): Promise<void> {
    const asked = this.#ask('GET', '/sleep/2000').end();
    await sleep(30);
    this.#leave(asked);
  }

  async #leaveInAnswer(): Promise<void> {
    const asked = this.#ask('GET', '/stream/100/20').end();
    await answerTo(asked, (reply) => Promise.resolve(String(reply.statusCode)));
    this.#leave(asked);
  }

  async #leaveInBody(): Promise<void> {
    const asked = this.#ask('POST', '/echo').setHeader('content-length', 10 * piece.length);
    asked.write(piece);
    await sleep(30);
    this.#leave(asked);
  }

  #leave(asked: ClientRequest): void {
    this.tally.left += 1;
    asked.on('error', () => undefined).destroy();
  }

  async #echoSlowly(): Promise<void> {
    const pieces = 24;
    const asked = this.#ask('POST', '/echo').setHeader('content-length', pieces * piece.length);
    const answer = answerTo(asked, (reply) => textOf(reply, 20));
    for (let i = 0; i < pieces; i++) {
      asked.write(piece);
      await sleep(40);
    }
    asked.end();
    const { status, text } = await answer;
    this.tally.slow += 1;
    if (status !== 200 || text !== piece.repeat(pieces)) this.#failed('slow call', status, text);
  }

  #failed(what: string, status: number, text: string): void {
    if (this.tally.failures.length < 100) this.tally.failures.push(`${what}: ${status} ${text.slice(0, 200)}`);
  }

  #ask(method: string, path: string): ClientRequest {
    return request(this.#url + path, { method, agent: this.#agent });
  }
}

/** Never rejects: a connection that broke has status 0. */
function answerTo(
  asked: ClientRequest,
  read: (reply: IncomingMessage) => Promise<string>,
): Promise<{ status: number; text: string }> {
  const { promise, resolve } = Promise.withResolvers<{ status: number; text: string }>();
  const broke = (error: unknown) => resolve({ status: 0, text: String(error) });
  asked.on('error', broke).once('response', (reply) => {
    read(reply).then((text) => resolve({ status: reply.statusCode ?? 0, text }), broke);
  });
  return promise;
}

async function textOf(reply: IncomingMessage, pauseMs = 0): Promise<string> {
  let text = '';
  for await (const part of reply.setEncoding('latin1') as AsyncIterable<string>) {
    text += part;
    if (pauseMs > 0) await sleep(pauseMs);
  }
  return text;
}
