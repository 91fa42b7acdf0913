import type { IncomingMessage } from 'node:http';
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

/** Name, value, name, value…, as node's `rawHeaders`. */
export type HeaderList = string[];

/** What is never the caller's to say. */
const notPassed = new Set([
  ...hopByHop,
  'content-length',
  'host',
  ...['for', 'host', 'proto'].map((of) => `x-forwarded-${of}`),
]);

/**
 * Returns the headers for the function, their names in lower case: the caller's without those of its connection, and where
 * the call came from.
 */
export function requestHeaders(req: IncomingMessage, target: ProxyTarget): HeaderList {
  const { headers } = req;
  const dropped = connectionNames(headers.connection);
  const own = ownHeaders(req, target);
  const list: HeaderList = [];
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || notPassed.has(name) || dropped.has(name) || isNamed(own, name)) continue;
    if (name === 'trailer' && !isChunked(req)) continue;
    if (name === 'expect') list.push(name, '100-continue');
    else if (typeof value === 'string') list.push(name, value);
    else for (const one of value) list.push(name, one);
  }
  list.push(...own);
  // Last, as in a reply.
  if (headers['content-length'] !== undefined) list.push('content-length', headers['content-length']);
  return list;
}

/** Makes the headers that are set over the caller's. */
function ownHeaders(req: IncomingMessage, target: ProxyTarget): HeaderList {
  const { headers, socket } = req;
  const own: HeaderList = [];
  for (const name in target.headers) own.push(name.toLowerCase(), target.headers[name] ?? '');
  const address = callerAddress(req);
  const forwardedFor = headers['x-forwarded-for'];
  const add = (name: string, value: string) => {
    if (!isNamed(own, name)) own.push(name, value);
  };
  add('x-forwarded-for', forwardedFor ? `${String(forwardedFor)}, ${address}` : address);
  add('x-forwarded-host', String(headers['x-forwarded-host'] ?? headers.host ?? ''));
  add('x-forwarded-proto', String(headers['x-forwarded-proto'] ?? (socket instanceof TLSSocket ? 'https' : 'http')));
  if (headers.te !== undefined && /\btrailers\b/i.test(String(headers.te))) add('te', 'trailers');
  add('host', hostHeader(target));
  return own;
}

/** Says whether a list, its names in lower case, has a header of this name. */
function isNamed(list: HeaderList, name: string): boolean {
  for (let at = 0; at < list.length; at += 2) if (list[at] === name) return true;
  return false;
}

/** What a reply's headers say, and what of them is passed on. */
export interface ReadReply {
  status: number;
  isChunked: boolean;
  /** It stays open by its nature; the time limit does not cut it. */
  isEventStream: boolean;
  /** A watchdog wrote it about its process: `X-OpenFaaS-Internal: of-watchdog`. */
  isWatchdogError: boolean;
  /**
   * Returns the headers without those of the function's connection.
   * @param options.besides come first, but for those that the function has said itself.
   * @param options.contentType of a body whose type the function has not said.
   */
  headersFor(options: { chunked: boolean; besides?: Record<string, string>; contentType?: string }): HeaderList;
}

/** Reads what matters of a reply's headers in one pass. */
export function readReply({ status, headers }: { status: number; headers: HeaderList }): ReadReply {
  const kept: HeaderList = [];
  /** Of those that are kept, in lower case. */
  const names: string[] = [];
  let connection: string | undefined;
  let length: HeaderList | undefined;
  let [isChunked, isEventStream, isWatchdogError, isTyped] = [false, false, false, false];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] ?? '';
    const value = headers[at + 1] ?? '';
    const lower = name.toLowerCase();
    if (lower === 'connection') connection = connection === undefined ? value : `${connection},${value}`;
    if (lower === 'transfer-encoding') isChunked = true;
    if (lower === 'content-length') {
      // Said twice, it is the same.
      length ??= [name, value];
      continue;
    }
    if (lower === 'content-type') {
      isTyped = true;
      isEventStream = /^\s*(text\/event-stream|application\/x-ndjson)\b/i.test(value);
    }
    if (lower === 'x-openfaas-internal') isWatchdogError = value.endsWith('-watchdog');
    if (hopByHop.has(lower)) continue;
    kept.push(name, lower === 'www-authenticate' ? withoutOurRealm(value) : value);
    names.push(lower);
  }
  const dropped = connectionNames(connection);
  const neverHasBody = status < 200 || status === 204;
  // Last: behind it node would encode Content-Disposition twice, https://github.com/nodejs/node/pull/46528.
  if (length && !neverHasBody) {
    kept.push(...length);
    names.push('content-length');
  }
  return {
    status,
    isChunked: isChunked && !neverHasBody && status !== 304,
    isEventStream,
    isWatchdogError,
    headersFor({ chunked, besides, contentType }) {
      const passed: HeaderList = [];
      for (const name in besides) if (!names.includes(name.toLowerCase())) passed.push(name, besides[name] ?? '');
      if (contentType !== undefined && !isTyped && !neverHasBody && status !== 304)
        passed.push('Content-Type', clean(contentType));
      for (const [at, name] of names.entries()) {
        if (dropped.has(name) || (name === 'trailer' && !chunked)) continue;
        passed.push(kept[2 * at] ?? '', clean(kept[2 * at + 1] ?? ''));
      }
      if (chunked) passed.push('Transfer-Encoding', 'chunked');
      return passed;
    },
  };
}

/**
 * Renames the realm of the API's own password in a function's challenge: a browser that knows the password would give it to
 * the function by itself, as both have one origin (RFC 7617 §2.2).
 */
function withoutOurRealm(challenge: string): string {
  const unquoted = challenge.replaceAll('\\', '');
  return unquoted.search(ourRealm) >= 0 ? unquoted.replace(ourRealm, 'Function') : challenge;
}

const ourRealm = /\bRestricted\b/gi;

/** Makes blanks of control characters, which must not be sent on. Other bytes stay: the upper half may be any text. */
function clean(value: string): string {
  return controls.test(value) ? value.replace(allControls, ' ') : value;
}

const controls = /[\0-\x08\n-\x1f\x7f]/;
const allControls = new RegExp(controls, 'g');

function without(list: HeaderList, dropped: ReadonlySet<string>): HeaderList {
  const passed: HeaderList = [];
  for (let at = 0; at + 1 < list.length; at += 2) {
    const name = list[at] ?? '';
    if (!dropped.has(name.toLowerCase())) passed.push(name, clean(list[at + 1] ?? ''));
  }
  return passed;
}

/** Leaves of a list of trailers those that may be sent on: never those that say where a message ends or whom it is for. */
export function trailers(list: HeaderList): HeaderList {
  const barred = new Set([...hopByHop, ...notRemovable]);
  return list.length > 0 ? without(list, barred) : list;
}

/** Groups a list as names and values, as node's `addTrailers` takes them. */
export function pairs(list: HeaderList): [string, string][] {
  return list.flatMap((name, at) => (at % 2 === 0 ? [[name, list[at + 1] ?? ''] as [string, string]] : []));
}

/** Makes of a list what node's `request` takes. */
export function headersObject(list: HeaderList): Record<string, string | string[]> {
  const object: Record<string, string | string[]> = {};
  for (const [name, value] of pairs(list)) {
    const before = object[name];
    object[name] = before === undefined || !Object.hasOwn(object, name) ? value : [before, value].flat();
  }
  return object;
}

/** Says whether the body has a coding beside `chunked`. Node does not decode it: the function could not tell where it ends. */
export function hasUnknownCoding({ headers }: IncomingMessage): boolean {
  return (headers['transfer-encoding'] ?? 'chunked').toLowerCase() !== 'chunked';
}

/**
 * Returns the type of a reply that says none.
 * Source: https://github.com/openfaas/faas-provider/blob/master/proxy/proxy.go
 */
export function contentTypeFor({ headers }: IncomingMessage): string {
  return headers['content-type'] || 'text/plain';
}

/** Says whether the caller waits with its body until it is told to send it. */
export function expectsContinue({ headers }: IncomingMessage): boolean {
  return headers.expect !== undefined;
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

/**
 * Says whether a watchdog answered that its process is not there yet, as it listens before that.
 * Source: https://github.com/openfaas/of-watchdog/issues/92
 */
export function isNotReady({ status, isWatchdogError }: ReadReply): boolean {
  return isWatchdogError && (status === 500 || status === 502 || status === 503);
}

function connectionNames(connection: string | undefined): ReadonlySet<string> {
  // What nearly all say names no header.
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return none;
  const dropped = new Set<string>();
  for (const part of connection.toLowerCase().split(',')) {
    const name = part.trim();
    if (!notRemovable.has(name)) dropped.add(name);
  }
  return dropped;
}

const none: ReadonlySet<string> = new Set();

function callerAddress({ socket }: IncomingMessage): string {
  return (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
}

function hostHeader({ hostname, port }: ProxyTarget): string {
  return hostname.includes(':') ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
