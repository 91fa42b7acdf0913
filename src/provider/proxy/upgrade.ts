import { request as httpRequest, STATUS_CODES, type ClientRequest, IncomingMessage } from 'node:http';
import { connect, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { contentTypeFor, headersObject, ReadReply, replyHead, requestHeaders } from './headers.ts';
import type { LiveCall, LiveCalls } from './live-calls.ts';
import type { ProxyOutcome, ProxyTarget } from './proxy.ts';
import { WebSocketFrames } from './web-socket-frames.ts';

export interface UpgradeOptions {
  req: IncomingMessage;
  /** The caller's. */
  socket: Duplex;
  /** What the caller has sent after the headers. */
  head: Buffer;
  target: ProxyTarget;
  live: LiveCalls;
  connectTimeoutMs: number;
  maxHeaderBytes: number;
}

/**
 * Opens a WebSocket to a function and resolves when it has ended. Made with node:http: http-proxy's own way answers nothing
 * when the function is down, sends refusals on with broken framing and raw status text, and dies of a caller's reset
 * (https://github.com/http-party/node-http-proxy/issues/1468).
 */
export async function upgradeTo(options: UpgradeOptions): Promise<ProxyOutcome> {
  const { socket, target } = options;
  // A reset ends the stream, which is listened for; without a listener it would end the process.
  socket.on('error', () => {});
  if (socket.destroyed) return { failure: 'aborted' };
  // Half-open, so that the function's end of sending does not cut what the caller still sends. Ours from first to last:
  // after a refusal node would keep it open for nobody, and a reset would find no listener.
  const upstream = connect({ host: target.hostname, port: target.port, allowHalfOpen: true }).on('error', () => {});
  let isOverTime = false;
  const expire = () => {
    isOverTime = true;
    upstream.destroy(new Error('over the time limit'));
  };
  const timer = target.timeoutMs && setTimeout(expire, target.timeoutMs);
  try {
    const answer = await ask(options, upstream);
    if (answer instanceof IncomingMessage && answer.statusCode === 101) {
      clearTimeout(timer);
      return await tunnel(options, upstream, answer);
    }
    const outcome = answer instanceof IncomingMessage ? await refuse(options, answer) : answer;
    return isOverTime && outcome.failure ? { ...outcome, failure: 'timeout' } : outcome;
  } finally {
    clearTimeout(timer);
    upstream.destroy();
  }
}

/** Resolves with the function's reply, whose status is 101 when it has switched protocols, or with why there is none. */
async function ask(options: UpgradeOptions, upstream: Socket): Promise<IncomingMessage | ProxyOutcome> {
  const { socket, connectTimeoutMs } = options;
  const { promise, resolve } = Promise.withResolvers<IncomingMessage | ProxyOutcome>();
  let wasSent = false;
  // Never said to be idempotent, though it is a GET: the function may have begun what the WebSocket is for.
  const fail = (failure: ProxyOutcome['failure'], error?: Error) =>
    resolve({ failure, error, wasSent, canReplay: true });
  const onCallerClosed = () => fail('aborted');
  socket.once('close', onCallerClosed);
  const tooLong = () => fail('unreachable', new Error('connecting took too long'));
  const connectTimer = setTimeout(tooLong, connectTimeoutMs);
  upstream.once('connect', () => {
    wasSent = true;
    clearTimeout(connectTimer);
  });
  openRequest(options, upstream)
    .once('response', (reply) => {
      if ((reply.statusCode ?? 0) >= 200) resolve(reply);
      else fail('reset', new Error('status 101 without the upgrade'));
    })
    .once('upgrade', (reply: IncomingMessage, _upstream: Socket, first: Buffer) => {
      if (first.length > 0) upstream.unshift(first);
      resolve(reply);
    })
    .on('error', (error) => fail(wasSent ? 'reset' : 'unreachable', error))
    .once('close', () => fail('reset', new Error('the connection closed without an answer')))
    .end();
  const answer = await promise;
  clearTimeout(connectTimer);
  socket.off('close', onCallerClosed);
  return answer;
}

function openRequest({ req, target, maxHeaderBytes }: UpgradeOptions, upstream: Socket): ClientRequest {
  const headers = headersObject(requestHeaders(req, target));
  delete headers['content-length'];
  delete headers.expect;
  headers.connection = 'Upgrade';
  // of-watchdog compares it exactly.
  headers.upgrade = String(req.headers.upgrade).toLowerCase();
  const { method } = req;
  const { path } = target;
  return httpRequest({ method, path, headers, maxHeaderSize: maxHeaderBytes, createConnection: () => upstream });
}

async function tunnel(options: UpgradeOptions, upstream: Socket, reply: IncomingMessage): Promise<ProxyOutcome> {
  const { socket, head, live } = options;
  keepOpen(socket);
  keepOpen(upstream);
  if (head.length > 0) socket.unshift(head);
  const ownHeaders = ['Connection', 'Upgrade', 'Upgrade', reply.headers.upgrade ?? 'websocket'];
  socket.write(headOf(reply, ownHeaders, options), 'latin1');
  const toFunction = new WebSocketFrames({ masked: true });
  const toCaller = new WebSocketFrames({ masked: false });
  const call: LiveCall = {
    cut() {
      toFunction.leave();
      toCaller.leave();
      return 'webSockets';
    },
  };
  live.add(call);
  // Each direction ends by itself, a break of one breaks both.
  await Promise.allSettled([pipeline(socket, toFunction, upstream), pipeline(upstream, toCaller, socket)]);
  live.delete(call);
  return { status: reply.statusCode };
}

async function refuse(options: UpgradeOptions, reply: IncomingMessage): Promise<ProxyOutcome> {
  const { socket } = options;
  const status = reply.statusCode ?? 0;
  socket.write(headOf(reply, ['Connection', 'close'], options), 'latin1');
  try {
    await pipeline(reply, socket);
  } catch (error) {
    return { status, failure: 'reset', error: error instanceof Error ? error : undefined };
  } finally {
    socket.destroy();
  }
  return { status, watchdogError: new ReadReply(replyHead(status, reply.rawHeaders)).isWatchdogError };
}

function headOf(reply: IncomingMessage, ownHeaders: string[], { req, target }: UpgradeOptions): string {
  const status = reply.statusCode ?? 0;
  const contentType = contentTypeFor(req);
  const said = new ReadReply(replyHead(status, reply.rawHeaders));
  const passed = said.headersFor({ chunked: false, besides: target.headers, contentType });
  const headers = [...passed, ...ownHeaders];
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}`];
  for (let at = 0; at < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** Leaves a quiet WebSocket open; the kernel finds out when the peer has vanished. */
function keepOpen(socket: Duplex): void {
  if (!(socket instanceof Socket)) return;
  socket.setTimeout(0).setNoDelay(true).setKeepAlive(true, 30_000);
}
