import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { ProxyTarget } from './proxy.ts';

/** Headers of one connection, RFC 9110 §7.6.1. `Trailer` is not among them: it is kept where the message is chunked. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** Headers that a sender cannot have removed by naming them in `Connection`: where a message ends and whom it is for. */
const notRemovable = new Set(['content-length', 'host', 'trailer']);

/** Returns the headers for the function: the caller's without those of its connection, and where the call came from. */
export function requestHeaders(req: IncomingMessage, target: ProxyTarget): IncomingHttpHeaders {
  const dropped = connectionNames(req.headers.connection);
  const headers: IncomingHttpHeaders = {};
  for (const [name, value] of Object.entries(req.headers)) {
    if (!hopByHop.has(name) && !dropped.has(name)) headers[name] = value;
  }
  // Node has answered 100 Continue already.
  delete headers.expect;
  if (!isChunked(req)) delete headers.trailer;
  if (/\btrailers\b/i.test(String(req.headers.te ?? ''))) headers.te = 'trailers';

  headers['x-forwarded-for'] = [req.headers['x-forwarded-for'], callerAddress(req)].filter(Boolean).join(', ');
  headers['x-forwarded-host'] ??= req.headers.host ?? '';
  headers['x-forwarded-proto'] ??= req.socket instanceof TLSSocket ? 'https' : 'http';
  headers.host = hostHeader(target);
  for (const [name, value] of Object.entries(target.headers ?? {})) headers[name.toLowerCase()] = value;
  return headers;
}

/** Returns the function's headers as name, value, name, value…, without those of its connection. */
export function replyHeaders(reply: IncomingMessage, { chunked }: { chunked: boolean }): string[] {
  const dropped = connectionNames(reply.headers.connection);
  const kept: string[] = [];
  for (const [name, value] of pairs(reply.rawHeaders)) {
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || dropped.has(lower) || (lower === 'trailer' && !chunked)) continue;
    kept.push(name, value);
  }
  if (chunked) kept.push('Transfer-Encoding', 'chunked');
  return kept;
}

/** Returns the trailers that may be sent on: never those that say where a message ends or whom it is for. */
export function trailers(message: IncomingMessage): [string, string][] {
  return [...pairs(message.rawTrailers)].filter(([name]) => {
    const lower = name.toLowerCase();
    return !hopByHop.has(lower) && !notRemovable.has(lower);
  });
}

/** Says whether the body has a coding beside `chunked`. Node does not decode it: the function could not tell where it ends. */
export function hasUnknownCoding({ headers }: IncomingMessage): boolean {
  return (headers['transfer-encoding'] ?? 'chunked').toLowerCase() !== 'chunked';
}

export function isChunked(message: IncomingMessage): boolean {
  return message.headers['transfer-encoding'] !== undefined;
}

export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Says whether sending the request twice does what sending it once does, by RFC 9110 §9.2.2 or as the caller says. */
export function isIdempotent({ method = '', headers }: IncomingMessage): boolean {
  return idempotentMethods.has(method) || headers['idempotency-key'] !== undefined;
}

const idempotentMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** Says whether a reply stays open by its nature; the time limit does not cut it. */
export function isEventStream(headers: IncomingHttpHeaders): boolean {
  return /^\s*(text\/event-stream|application\/x-ndjson)\b/i.test(headers['content-type'] ?? '');
}

/** Says whether a watchdog wrote the reply about its process: `X-OpenFaaS-Internal: of-watchdog`. */
export function isWatchdogError({ headers }: IncomingMessage): boolean {
  return /-watchdog$/.test(String(headers['x-openfaas-internal'] ?? ''));
}

/**
 * Says whether a watchdog answered that its process is not there yet, as it listens before that.
 * Source: https://github.com/openfaas/of-watchdog/issues/92
 */
export function isNotReady(reply: IncomingMessage): boolean {
  return [500, 502, 503].includes(reply.statusCode ?? 0) && isWatchdogError(reply);
}

function connectionNames(connection: string | undefined): Set<string> {
  const names = (connection ?? '').toLowerCase().split(',');
  return new Set(names.map((name) => name.trim()).filter((name) => !notRemovable.has(name)));
}

function* pairs(raw: string[]): Generator<[string, string]> {
  for (let at = 0; at + 1 < raw.length; at += 2) yield [raw[at] ?? '', raw[at + 1] ?? ''];
}

function callerAddress({ socket }: IncomingMessage): string {
  return (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
}

function hostHeader({ hostname, port }: ProxyTarget): string {
  return hostname.includes(':') ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
