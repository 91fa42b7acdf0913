import { createServer, type IncomingMessage, type Server, STATUS_CODES, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Log } from '../base/log.ts';
import { answerPlain, rawAnswer } from '../base/plain-line.ts';
import type { FaaSConfig } from './faas-config.ts';
import type { RawHandler } from './handlers.ts';

/** Says who takes a request, by its method, and its path and query. */
export type HandlerFor = (method: string | undefined, path: string) => RawHandler;

type IdleLimits = Pick<FaaSConfig, 'readTimeoutMs' | 'writeTimeoutMs'>;

/** Go's clients keep an idle connection for 90 s; who closes first must not be us. */
const keepAliveTimeoutMs = 95_000;

/** Browsers send long cookies and callers long headers; Node's own 16 KiB refuses them. */
const maxHeaderBytes = 131_072;

/** Makes a server that answers broken requests with one line, cuts callers that stand still, and survives its sockets. */
export function createHttpServer(limits: IdleLimits, options: { log: Log; handlerFor: HandlerFor }): Server {
  const { log } = options;
  const { readTimeoutMs } = limits;
  const handlerFor = (req: IncomingMessage) => options.handlerFor(req.method, originForm(req));
  const answering = new WeakSet<Duplex>();
  const server = createServer({
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: readTimeoutMs,
    // Node's limit is for the whole body, so it would cut a long upload that makes progress; limitIdleness cuts none.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(5_000, readTimeoutMs || 5_000),
    keepAliveTimeout: keepAliveTimeoutMs,
    shouldUpgradeCallback: (req) => isWebSocket(req) && handlerFor(req).upgrade !== undefined,
  });

  server.on('request', (req, res) => {
    const { socket } = req;
    answering.add(socket);
    res.once('close', () => answering.delete(socket));
    limitIdleness(req, res, limits);
    void Promise.try(() => handlerFor(req).web(req, res)).catch((error: unknown) => {
      log.error('request failed', { method: req.method, url: req.url, error });
      answerPlain(req, res, { status: 500, message: 'internal error' });
    });
  });
  server.on('upgrade', (req, socket, head) => {
    socket.on('error', (error) => log.debug('upgraded connection failed', { url: req.url, error }));
    void Promise.try(() => handlerFor(req).upgrade?.(req, socket, head)).catch((error: unknown) => {
      log.error('upgrade failed', { url: req.url, error });
      socket.destroy();
    });
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable || answering.has(socket)) socket.destroy();
    else socket.end(refusal(statusOf(error)));
  });
  return server;
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

/** Cuts a caller that stops sending its body or stops taking its answer. A quiet stream is neither. */
function limitIdleness(req: IncomingMessage, res: ServerResponse, { readTimeoutMs, writeTimeoutMs }: IdleLimits): void {
  const { socket } = req;
  // Bytes that wait in the buffer were sent in time: it is the function that does not read.
  const stoppedSending = () => readTimeoutMs > 0 && !req.complete && req.readableLength === 0;
  const stoppedTaking = () => writeTimeoutMs > 0 && socket.writableLength > 0;

  // Node gives the socket back to keepAliveTimeout when the answer ends.
  res.setTimeout(readTimeoutMs || writeTimeoutMs, () => {
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
