import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { CallView } from '../../../src/gateway/index.ts';
import type { TestNatsServer } from '../../helpers/nats-server.ts';
import { until } from '../../helpers/poll.ts';
import { tasksOf, type TestHost } from '../functions/setup.ts';

/** One posted answer. */
export interface Posted {
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** Takes callbacks, and keeps those of each call. */
export class Receiver implements AsyncDisposable {
  readonly posted = new Map<string, Posted[]>();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<Receiver> {
    const server = createServer();
    const receiver = new Receiver(server);
    server.on('request', (request, response) => {
      const { headers } = request;
      // Half of one is none.
      const keep = (body: Buffer) => {
        const id = String(headers['x-call-id']);
        receiver.posted.set(id, [...(receiver.posted.get(id) ?? []), { headers, body }]);
        response.end();
      };
      buffer(request).then(keep, () => response.destroy());
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/answers`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}

/** A call of the load. Each has an answer that tells it from the others. */
export interface LoadCall {
  id: string;
  path: string;
  body: Buffer;
  hasCallback: boolean;
  /** What its function answers. */
  status: number;
}

const sizes = [20, 300, 9000, 60_000];

export function loadCall(at: number): LoadCall {
  const id = `call-${at}`;
  const body = Buffer.alloc(sizes[at % sizes.length] ?? 0, `${id} `);
  const call = { id, body, hasCallback: at % 3 !== 0, path: 'works/echo', status: 200 };
  if (at % 20 === 7) return { ...call, path: 'fails/status/503', status: 503 };
  if (at % 20 === 14) return { ...call, path: 'works/status/418', status: 418 };
  if (at % 20 === 16) return { ...call, path: 'works/sleep/500' };
  return call;
}

/** Posts a call until it is known to be kept. A caller that was cut off asks again by the same id. */
export async function post({ berth }: TestHost, call: LoadCall, url: string): Promise<void> {
  const headers = { 'x-call-id': call.id, ...(call.hasCallback && { 'x-callback-url': url }) };
  const init = { method: 'POST', headers, body: new Uint8Array(call.body) };
  await until(
    async () => {
      const response = await fetch(`${berth.url}/async-function/${call.path}`, init);
      const text = await response.text();
      if (response.status !== 202 && response.status !== 409) throw new Error(`${response.status} ${text}`);
      return true;
    },
    { timeoutMs: 120_000, intervalMs: 50, message: `call ${call.id} to be accepted` },
  );
}

/** Gives numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What has a part in calls, each as what kills it, and starts it again where nobody else does. */
export function killsOf({ berth, containerd }: TestHost, nats?: TestNatsServer): (() => Promise<void>)[] {
  return [
    async () => {
      await berth.kill('SIGKILL');
      await berth.start();
    },
    async () => {
      for (const { pid } of await tasksOf(containerd, 'works')) process.kill(pid, 'SIGKILL');
    },
    ...(nats ? [() => nats.kill().then(() => nats.start())] : []),
  ];
}

/** What the API tells of a call once it has ended. */
export function endOf({ berth }: TestHost, id: string): Promise<CallView> {
  return until(
    async () => {
      const { status, text } = await berth.api('GET', `/async-function/${id}`);
      if (status !== 200) throw new Error(`call ${id}: ${status} ${text}`);
      const view = JSON.parse(text) as CallView;
      return view.state === 'queued' || view.state === 'running' ? undefined : view;
    },
    { timeoutMs: 120_000, intervalMs: 100, message: `call ${id} to end` },
  );
}

/** Does a piece of work for each, so many at once. */
export async function each<T>(items: Iterable<T>, atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const rest = items[Symbol.iterator]();
  const worker = async () => {
    for (let next = rest.next(); !next.done; next = rest.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
