import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  STATUS_CODES,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import type { Log } from '../base/log.ts';
import { answerPlain, answerSocket, rawAnswer } from '../base/plain-line.ts';
import { defaultConfig, type FaaSConfig } from './faas-config.ts';
import { serveHalfClosed } from './half-closed.ts';
import type { RawHandler } from './handlers.ts';
import { OwedAnswers } from './owed-answers.ts';
import { SecureServer, type SecureOptions } from './secure-server.ts';

/** Says who takes a request, by its method, and its path and query. */
export type HandlerFor = (method: string | undefined, path: string) => RawHandler;

type IdleLimits = Pick<FaaSConfig, 'readTimeoutMs' | 'writeTimeoutMs'>;

/** Browsers send long cookies and callers long headers; Node's own 16 KiB refuses them. */
const maxHeaderBytes = 131_072;
/** What our own callers send, and are answered: what came with as much as may come has grown since. */
export const ownHeaderBytes = 2 * maxHeaderBytes;

export interface HttpServerOptions {
  log: Log;
  handlerFor: HandlerFor;
  /** Serves HTTPS with this. */
  secure?: SecureOptions;
  /** Where the answers that are owed are kept, for whoever closes the server. */
  answering?: OwedAnswers;
  /** The most that headers may have; 128 KiB unless given. */
  mostHeaderBytes?: number;
}

/** Makes a server that answers broken requests with one line, cuts callers that stand still, and survives its sockets. */
export function createHttpServer(
  limits: IdleLimits & Partial<Pick<FaaSConfig, 'keepAliveTimeoutMs'>>,
  options: HttpServerOptions,
): Server {
  const { log, secure, answering = new OwedAnswers(), mostHeaderBytes = maxHeaderBytes } = options;
  const { readTimeoutMs } = limits;
  const handlerFor = (req: IncomingMessage) => options.handlerFor(req.method, originForm(req));
  const fail = (req: IncomingMessage, res: ServerResponse, error: unknown) => {
    log.error('request failed', { method: req.method, url: req.url, error });
    answerPlain(req, res, { status: 500, message: 'internal error' });
  };
  const answer = (req: IncomingMessage, res: ServerResponse) => {
    try {
      const handler = handlerFor(req);
      if (req.headers.expect !== undefined && !handler.forwardsExpect) res.writeContinue();
      void handler.web(req, res)?.catch((error: unknown) => fail(req, res, error));
    } catch (error) {
      fail(req, res, error);
    }
  };
  const serverOptions: ServerOptions = {
    maxHeaderSize: mostHeaderBytes,
    headersTimeout: readTimeoutMs,
    // Node's limit is for the whole body, so it would cut a long upload that makes progress; limitIdleness cuts none.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(5_000, readTimeoutMs || 5_000),
    keepAliveTimeout: limits.keepAliveTimeoutMs ?? defaultConfig.keepAliveTimeoutMs,
    shouldUpgradeCallback: (req) => isWebSocket(req) && handlerFor(req).upgrade !== undefined,
  };
  const server = secure ? new SecureServer(secure, serverOptions, readTimeoutMs) : createServer(serverOptions);

  // Their bytes are limited. Those over a number node would drop without a word, also the one that says that there is a body.
  server.maxHeadersCount = 0;

  server.on('request', (req, res) => {
    answering.add(req.socket, res);
    // Node gives the socket back to keepAliveTimeout when the answer ends.
    res.setTimeout(limits.readTimeoutMs || limits.writeTimeoutMs);
    if (hasTwoHosts(req)) return answerPlain(req, res, twoHosts);
    answer(req, res);
  });
  // Unheard, node would tell the caller to go on before anybody has looked at its headers.
  server.on('checkContinue', (req, res) => server.emit('request', req, res));
  server.on('upgrade', (req, socket, head) => {
    socket.on('error', (error) => log.debug('upgraded connection failed', { url: req.url, error }));
    if (hasTwoHosts(req)) return answerSocket(socket, twoHosts);
    void Promise.try(() => handlerFor(req).upgrade?.(req, socket, head)).catch((error: unknown) => {
      log.error('upgrade failed', { url: req.url, error });
      socket.destroy();
    });
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable || answering.on(socket)) socket.destroy();
    else socket.end(refusal(statusOf(error)));
  });
  limitIdleness(server, answering, limits);
  serveHalfClosed(server, (socket) => answering.on(socket));
  return server;
}

const twoHosts = { status: 400, message: 'one Host only', headers: { Connection: 'close' } };

/** Says whether a request names two hosts: who reads one and who reads the other would disagree (RFC 9112 §3.2). */
function hasTwoHosts({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  return hosts > 1;
}

function isWebSocket(req: IncomingMessage): boolean {
  return req.headers.upgrade?.toLowerCase() === 'websocket';
}

/** Returns the path and query, also of a request that was meant for a forward proxy (RFC 9112, 3.2.2). */
function originForm(req: IncomingMessage): string {
  const url = req.url ?? '/';
  if (url.startsWith('/')) return url;
  req.url = url.replace(/^https?:\/\/[^/?#]*/i, '').replace(/^(?=\?|$)/, '/');
  return req.url;
}

/** Cuts connections that are idle between two requests, and callers that stand still in one. */
function limitIdleness(server: Server, answering: OwedAnswers, limits: IdleLimits): void {
  server.on('timeout', (socket: Socket) => {
    const res = answering.on(socket);
    if (res) cutIdle(res, limits);
    else socket.destroy();
  });
}

/** Cuts a caller that has stopped sending its body or stopped taking its answer. A quiet stream is neither. */
function cutIdle(res: ServerResponse, { readTimeoutMs, writeTimeoutMs }: IdleLimits): void {
  const { req } = res;
  const { socket } = req;
  // Bytes that wait in the buffer were sent in time: it is the function that does not read.
  const stoppedSending = () => readTimeoutMs > 0 && !req.complete && req.readableLength === 0;
  const stoppedTaking = () => writeTimeoutMs > 0 && socket.writableLength > 0;
  const { bytesRead } = socket;
  // When the whole process stood still, what was sent meanwhile is only read now.
  setImmediate(() => {
    if (res.closed) return;
    if (stoppedSending() && socket.bytesRead === bytesRead) {
      if (!res.headersSent) socket.write(refusal(408));
      socket.destroySoon();
    } else if (stoppedTaking()) socket.destroy();
    else socket.setTimeout(req.complete ? writeTimeoutMs : readTimeoutMs);
  });
}

function statusOf(error: NodeJS.ErrnoException): number {
  if (error.code === 'HPE_HEADER_OVERFLOW') return 431;
  if (error.code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return 413;
  return error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
}

function refusal(status: number): string {
  return rawAnswer({ status, message: STATUS_CODES[status] ?? '' });
}
