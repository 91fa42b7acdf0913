import type { IncomingMessage } from 'node:http';
import { mayTellOrigin, originOf, tellsOrigin, type CallOrigin } from './call-origin.ts';
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

/** `Service-Worker-Allowed` would let a function's page stand before all that a browser opens on our origin, the API too. */
const notReplied = new Set([...hopByHop, 'service-worker-allowed']);

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
  const origin = originOf(req, target.trustedProxies);
  const own = ownHeaders(req, target, origin);
  const list: HeaderList = [];
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || notPassed.has(name) || dropped.has(name) || isNamed(own, name)) continue;
    if (tellsOrigin(name) && !mayTellOrigin(req, target.trustedProxies)) continue;
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
function ownHeaders({ headers }: IncomingMessage, target: ProxyTarget, origin: CallOrigin): HeaderList {
  const own: HeaderList = [];
  for (const name in target.headers) own.push(name.toLowerCase(), target.headers[name] ?? '');
  const add = (name: string, value: string) => {
    if (!isNamed(own, name)) own.push(name, value);
  };
  if (origin.for !== '') add('x-forwarded-for', origin.for);
  add('x-forwarded-host', origin.host);
  add('x-forwarded-proto', origin.proto);
  if (headers.te !== undefined && /\btrailers\b/i.test(String(headers.te))) add('te', 'trailers');
  add('host', hostHeader(target));
  return own;
}

/** Says whether a list, its names in lower case, has a header of this name. */
function isNamed(list: HeaderList, name: string): boolean {
  for (let at = 0; at < list.length; at += 2) if (list[at] === name) return true;
  return false;
}

const tokenPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Names that came up, in lower case: nearly all replies have the same few. */
const lowerNames = new Map<string, string>();
const mostNames = 512;
const longestName = 64;

/** Returns the name of a header in lower case; undefined when it can be none. */
export function lowerToken(name: string): string | undefined {
  const known = lowerNames.get(name);
  if (known !== undefined) return known;
  if (!tokenPattern.test(name)) return undefined;
  const lower = name.toLowerCase();
  // A copy: a piece of a text keeps the whole.
  if (lowerNames.size < mostNames && name.length <= longestName)
    lowerNames.set(Buffer.from(name, 'latin1').toString('latin1'), Buffer.from(lower, 'latin1').toString('latin1'));
  return lower;
}

/** Status and headers of a reply, as the function sent them. */
export interface ReplyHead {
  status: number;
  headers: HeaderList;
  /** The names among them, in lower case. */
  names: string[];
}

/** Makes the head of a reply of what node's client has read. */
export function replyHead(status: number, headers: HeaderList): ReplyHead {
  const names: string[] = [];
  for (let at = 0; at < headers.length; at += 2)
    names.push(lowerToken(headers[at] ?? '') ?? (headers[at] ?? '').toLowerCase());
  return { status, headers, names };
}

interface PassedOn {
  chunked: boolean;
  besides?: Record<string, string>;
  contentType?: string;
}

/** What a reply's headers say, and what of them is passed on. */
export class ReadReply {
  readonly status: number;
  readonly isChunked: boolean;
  /** It stays open by its nature; the time limit does not cut it. */
  readonly isEventStream: boolean;
  /** A watchdog wrote it about its process: `X-OpenFaaS-Internal: of-watchdog`. */
  readonly isWatchdogError: boolean;
  readonly #head: ReplyHead;
  readonly #connection?: string;
  readonly #neverHasBody: boolean;

  constructor(head: ReplyHead) {
    const { status, headers, names } = head;
    let connection: string | undefined;
    let [isChunked, isEventStream, isWatchdogError] = [false, false, false];
    for (let at = 0; at < names.length; at++) {
      const name = names[at];
      const value = headers[2 * at + 1] ?? '';
      if (name === 'connection') connection = connection === undefined ? value : `${connection},${value}`;
      else if (name === 'transfer-encoding') isChunked = true;
      else if (name === 'content-type') isEventStream = eventStream.test(value);
      else if (name === 'x-openfaas-internal') isWatchdogError = value.endsWith('-watchdog');
    }
    this.#head = head;
    this.#connection = connection;
    this.#neverHasBody = status < 200 || status === 204;
    this.status = status;
    this.isChunked = isChunked && !this.#neverHasBody && status !== 304;
    this.isEventStream = isEventStream;
    this.isWatchdogError = isWatchdogError;
  }

  /**
   * Returns the headers without those of the function's connection.
   * @param options.besides come first, but for those that the function has said itself.
   * @param options.contentType of a body whose type the function has not said.
   */
  headersFor({ chunked, besides, contentType }: PassedOn): HeaderList {
    const { headers, names } = this.#head;
    const dropped = connectionNames(this.#connection);
    const passed: HeaderList = [];
    let lengthAt = -1;
    for (const name in besides) if (!names.includes(name.toLowerCase())) passed.push(name, besides[name] ?? '');
    if (contentType !== undefined && !this.#neverHasBody && this.status !== 304 && !names.includes('content-type'))
      passed.push('Content-Type', clean(contentType));
    for (let at = 0; at < names.length; at++) {
      const name = names[at] ?? '';
      // Said twice, it is the same.
      if (name === 'content-length') {
        if (lengthAt === -1) lengthAt = 2 * at;
      } else if (!notReplied.has(name) && !dropped.has(name) && (name !== 'trailer' || chunked))
        passed.push(headers[2 * at] ?? '', passedValue(name, headers[2 * at + 1] ?? ''));
    }
    // Last: behind it node would encode Content-Disposition twice, https://github.com/nodejs/node/pull/46528.
    if (lengthAt !== -1 && !this.#neverHasBody) passed.push(headers[lengthAt] ?? '', headers[lengthAt + 1] ?? '');
    if (chunked) passed.push('Transfer-Encoding', 'chunked');
    return passed;
  }
}

const eventStream = /^\s*(text\/event-stream|application\/x-ndjson)\b/i;

function passedValue(name: string, value: string): string {
  return clean(name === 'www-authenticate' ? withoutOurRealm(value) : value);
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

/** Leaves of a message's headers those that may be sent on in another message, which says by itself how long its body is. */
export function endToEndHeaders(list: HeaderList): [name: string, value: string][] {
  const connection = pairs(list).filter(([name]) => name.toLowerCase() === 'connection');
  const named = connectionNames(connection.map(([, value]) => value).join(','));
  return pairs(without(list, new Set([...hopByHop, ...notRemovable, ...named])));
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

function hostHeader({ hostname, port }: ProxyTarget): string {
  return hostname.includes(':') ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
