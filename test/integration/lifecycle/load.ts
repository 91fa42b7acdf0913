import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestBerth } from '../../helpers/berth.ts';

export interface Reply {
  /** 0 when the connection broke. */
  status: number;
  text: string;
  retryAfter?: string | undefined;
}

/** One call on a connection that is kept. Never rejects. */
export function call(berth: TestBerth, path: string, agent: Agent, signal?: AbortSignal): Promise<Reply> {
  const { promise, resolve } = Promise.withResolvers<Reply>();
  const broke = (error: Error) => resolve({ status: 0, text: error.message });
  const asked = request(`${berth.url}/function/${path}`, { agent, signal }, (reply) => {
    const { statusCode: status = 0, headers } = reply;
    let text = '';
    reply
      .setEncoding('utf8')
      .on('data', (piece: string) => (text += piece))
      .once('end', () => resolve({ status, text, retryAfter: headers['retry-after'] }))
      .once('error', broke);
  });
  asked.once('error', broke).end();
  return promise;
}

/**
 * A call that its function works on until it is let go of: an upload that is sent back as it comes, its end held back.
 * @returns when the function has it; what is returned ends it and gives its reply
 */
export async function heldCall(berth: TestBerth, name: string): Promise<() => Promise<Reply>> {
  const asked = request(`${berth.url}/function/${name}/echo`, { method: 'POST', agent: false });
  asked.write('held');
  const [reply] = (await once(asked, 'response')) as [IncomingMessage];
  return async () => {
    asked.end();
    return { status: reply.statusCode ?? 0, text: await text(reply) };
  };
}

export interface LoadFigures {
  calls: number;
  perSecond: number;
  failures: string[];
  /** How often each text came with 200. */
  answers: Map<string, number>;
}

export interface PacedLoad extends AsyncDisposable {
  /** Ends it and waits for the last answer. */
  stop(): Promise<LoadFigures>;
}

/** So many calls a second over some kept connections, however fast the answers are; at most 200 are under way. */
export function pacedLoad(berth: TestBerth, path: string, perSecond: number, connections = 16): PacedLoad {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const failures: string[] = [];
  const answers = new Map<string, number>();
  const startedMs = performance.now();
  let calls = 0;
  let underWay = 0;
  let going = true;

  async function one(): Promise<void> {
    underWay += 1;
    const { status, text } = await call(berth, path, agent);
    underWay -= 1;
    if (status === 200) answers.set(text.trim(), (answers.get(text.trim()) ?? 0) + 1);
    else failures.push(`${status} ${text.trim()}`);
  }
  async function run(): Promise<void> {
    const all: Promise<void>[] = [];
    while (going) {
      const due = Math.floor(((performance.now() - startedMs) / 1000) * perSecond);
      for (; calls < due && underWay < 200; calls += 1) all.push(one());
      await sleep(5);
    }
    await Promise.all(all);
  }

  const done = run();
  async function stop(): Promise<LoadFigures> {
    const elapsedMs = performance.now() - startedMs;
    going = false;
    await done;
    agent.destroy();
    return { calls, perSecond: Math.round((calls * 1000) / elapsedMs), failures, answers };
  }
  return {
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

/** A number of callers, each calling again as soon as it is answered, until so many calls are made. */
export async function crowd(
  berth: TestBerth,
  path: string,
  { callers, calls }: { callers: number; calls: number },
): Promise<Reply[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: callers });
  const replies: Reply[] = [];
  let left = calls;
  async function caller(): Promise<void> {
    while (left > 0) {
      left -= 1;
      replies.push(await call(berth, path, agent));
    }
  }
  await Promise.all(Array.from({ length: callers }, caller));
  agent.destroy();
  return replies;
}
