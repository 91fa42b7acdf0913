import { once } from 'node:events';
import {
  createServer,
  request,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type RequestOptions,
  type Server,
} from 'node:http';
import { request as secureRequest } from 'node:https';
import {
  connect as connectPlain,
  createServer as createTcpServer,
  type AddressInfo,
  type Server as TcpServer,
  type Socket,
} from 'node:net';
import { connect as connectSecure } from 'node:tls';
import type { ExecutionContext } from 'ava';
import { createHttpServer } from '../../../../src/provider/http-server.ts';
import type { CallOutcome } from '../../../../src/provider/index.ts';
import { functionProxy, type FunctionProxyOptions, type Resolve } from '../../../../src/provider/proxy/index.ts';
import { silentLog } from '../../../../src/base/log.ts';
import { until } from '../../../helpers/poll.ts';
import { makeKeyPair } from '../../../helpers/key-pair.ts';
import { createProxy } from './each-road.ts';

/** Callers reach the front over TLS. */
const overTls = process.env.BERTH_TEST_TLS !== undefined;
let keyPair: ReturnType<typeof makeKeyPair> | undefined;

const anyCertificate = { rejectUnauthorized: false };

/** Connects as a caller does; over TLS on the socket of `plain`. */
export function connect(port: number, plain = connectPlain({ port, host: '127.0.0.1', allowHalfOpen: true })): Socket {
  return overTls ? connectSecure({ socket: plain, ...anyCertificate }) : plain;
}

/** Asks as a caller does. */
export function ask(options: RequestOptions): ClientRequest {
  return overTls ? secureRequest({ ...options, ...anyCertificate }) : request(options);
}

export interface FrontOptions extends Partial<FunctionProxyOptions> {
  readTimeoutMs?: number;
  writeTimeoutMs?: number;
  resolve?: Resolve;
  readySinceMs?: number;
}

export interface Front {
  port: number;
  /** What `release` was told, call by call. */
  outcomes: CallOutcome[];
  server: Server;
}

/** The real server with functionProxy, in front of the function on `upstreamPort`. */
export async function startFront(
  t: ExecutionContext,
  upstreamPort: number,
  options: FrontOptions = {},
): Promise<Front> {
  const { readTimeoutMs = 0, writeTimeoutMs = 0, readySinceMs, ...rest } = options;
  const outcomes: CallOutcome[] = [];
  const resolve: Resolve =
    options.resolve ??
    (() =>
      Promise.resolve({
        hostname: '127.0.0.1',
        port: upstreamPort,
        readySinceMs,
        release: (o) => void outcomes.push(o),
      }));
  const handler = functionProxy(resolve, {
    defaultNamespace: 'openfaas-fn',
    unreachableStatus: 502,
    proxy: createProxy(t),
    ...rest,
  });
  const secure = overTls ? { pair: await (keyPair ??= makeKeyPair()) } : undefined;
  const limits = { readTimeoutMs, writeTimeoutMs };
  const server = createHttpServer(limits, { log: silentLog, handlerFor: () => handler, secure });
  const port = await listen(t, server);
  t.teardown(() => {
    handler.close();
    server.closeAllConnections();
  });
  return { port, outcomes, server };
}

/** A function behind node's HTTP server. */
export async function startFunction(
  t: ExecutionContext,
  listener: RequestListener,
): Promise<{ port: number; server: Server }> {
  const server = createServer({ maxHeaderSize: 200_000, keepAliveTimeout: 60_000 }, listener);
  const port = await listen(t, server);
  t.teardown(() => server.closeAllConnections());
  return { port, server };
}

/** A function that says exactly these bytes: the listener is called with each connection. */
export async function startRawFunction(t: ExecutionContext, onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    onConnection(socket);
  });
  t.teardown(() => sockets.forEach((socket) => socket.destroy()));
  return listen(t, server);
}

/** A raw function that answers the same bytes to whatever comes first on a connection. */
export function startCannedFunction(
  t: ExecutionContext,
  reply: string | Buffer,
  after?: (socket: Socket) => void,
): Promise<number> {
  return startRawFunction(t, (socket) => {
    socket.once('data', () => {
      socket.write(reply);
      after?.(socket);
    });
  });
}

async function listen(t: ExecutionContext, server: TcpServer): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** Nobody listens there: of those that the system gives out another test may have got any in the meantime. */
export const closedPort = 1;

/** A caller that writes bytes and keeps all that it is sent, as latin1 text. */
export class RawCaller {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  text = '';
  readonly #plain: Socket;

  constructor(t: ExecutionContext, port: number) {
    this.#plain = connectPlain({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {});
    this.socket = connect(port, this.#plain);
    this.socket.on('data', (chunk: Buffer) => (this.text += chunk.toString('latin1')));
    this.socket.on('error', () => {});
    this.closed = Promise.race([once(this.socket, 'close'), once(this.socket, 'end')]).catch(() => {});
    t.teardown(() => this.socket.destroy());
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  reset(): void {
    this.#plain.resetAndDestroy();
  }

  async sees(text: string | RegExp): Promise<string> {
    await until(() => (typeof text === 'string' ? this.text.includes(text) : text.test(this.text)), {
      intervalMs: 5,
      message: `${text} in ${JSON.stringify(this.text.slice(0, 2_000))}`,
    });
    return this.text;
  }

  async isCut(): Promise<void> {
    let cut = false;
    void this.closed.then(() => (cut = true));
    await until(() => cut, { message: 'the connection to be closed' });
  }
}

export interface Reply {
  status: number;
  message: string;
  headers: IncomingHttpHeaders;
  rawHeaders: string[];
  body: string;
  trailers: NodeJS.Dict<string>;
}

/** One request by node's client; rejects when the reply is broken. */
export async function call(port: number, options: RequestOptions & { body?: string | Buffer } = {}): Promise<Reply> {
  const { body, ...rest } = options;
  const req = ask({
    host: '127.0.0.1',
    port,
    path: '/function/env',
    agent: false,
    maxHeaderSize: 200_000,
    ...rest,
  });
  const answered = once(req, 'response');
  // An early answer may break what is still being sent.
  req.on('error', () => {});
  req.end(body);
  const [res] = (await answered) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of res) chunks.push(chunk as Buffer);
  return {
    status: res.statusCode ?? 0,
    message: res.statusMessage ?? '',
    headers: res.headers,
    rawHeaders: res.rawHeaders,
    body: Buffer.concat(chunks).toString('latin1'),
    trailers: res.trailers,
  };
}
