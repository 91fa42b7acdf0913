import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestBerth } from '../../helpers/berth.ts';
import type { SoakJournal } from './soak-journal.ts';

export interface SoakFigures {
  calls: number;
  perSecond: number;
  /** The longest that a call took, in milliseconds. */
  slowestMs: number;
  /** How many took longer than a second. */
  slow: number;
}

const body = 'x'.repeat(2000);

/** What each call in turn is; only GET may be run twice. */
const kinds = [
  { method: 'GET', path: '/', wanted: /./ },
  { method: 'POST', path: '/echo', wanted: new RegExp(`^${body}$`) },
  { method: 'GET', path: '/sleep/50', wanted: /^slept$/ },
  { method: 'POST', path: '/log/called', wanted: /^logged$/ },
];

/** Calls functions in turn, so many times a second in all and however fast they answer; what fails is in the journal. */
export function callAll(berth: TestBerth, names: string[], perSecond: number, journal: SoakJournal) {
  // As many connections as there are calls at once: none waits for another here.
  const agent = new Agent({ keepAlive: true });
  const startedMs = performance.now();
  const pending = new Set<Promise<void>>();
  const figures: SoakFigures = { calls: 0, perSecond: 0, slowestMs: 0, slow: 0 };
  let going = true;

  async function one(turn: number): Promise<void> {
    const name = names[turn % names.length] ?? '';
    const kind = kinds[Math.floor(turn / names.length) % kinds.length];
    if (!kind) return;
    const fromMs = performance.now();
    const { status, text } = await send(`${berth.url}/function/${name}${kind.path}`, kind.method, agent);
    const toMs = performance.now();
    figures.slowestMs = Math.max(figures.slowestMs, Math.round(toMs - fromMs));
    if (toMs - fromMs > 1000) figures.slow += 1;
    if (status === 200 && kind.wanted.test(text.trim())) return;
    journal.failures.push({ kind: 'call', method: kind.method, function: name, fromMs, toMs, status, text });
  }
  async function run(): Promise<void> {
    while (going) {
      const due = Math.floor(((performance.now() - startedMs) / 1000) * perSecond);
      for (; figures.calls < due; figures.calls += 1) {
        const call = one(figures.calls).finally(() => pending.delete(call));
        pending.add(call);
      }
      await sleep(5);
    }
    await Promise.all(pending);
  }

  const done = run();
  return async function stop(): Promise<SoakFigures> {
    const elapsedMs = performance.now() - startedMs;
    going = false;
    await done;
    agent.destroy();
    return { ...figures, perSecond: Math.round((figures.calls * 1000) / elapsedMs) };
  };
}

/** Never rejects: a connection that broke has status 0. */
function send(url: string, method: string, agent: Agent): Promise<{ status: number; text: string }> {
  const { promise, resolve } = Promise.withResolvers<{ status: number; text: string }>();
  const broke = (error: NodeJS.ErrnoException) => resolve({ status: 0, text: error.code ?? error.message });
  const asked = request(url, { agent, method }, (reply) => {
    let text = '';
    reply
      .setEncoding('utf8')
      .on('data', (piece: string) => (text += piece))
      .once('end', () => resolve({ status: reply.statusCode ?? 0, text }))
      .once('error', broke);
  });
  asked.once('error', broke).end(method === 'POST' ? body : undefined);
  return promise;
}
