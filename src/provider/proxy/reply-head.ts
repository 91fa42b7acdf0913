import type { HeaderList } from './headers.ts';
import type { ReplyHead } from './sending.ts';

/** What a function said is not HTTP, or breaks off. */
export class BrokenReplyError extends Error {
  override name = 'BrokenReplyError';
}

/** Where a body ends: there is none, after so many bytes, where its chunks say, or with the connection. */
export type Framing = 'none' | 'chunked' | 'until close' | { length: number };

export interface ParsedHead extends ReplyHead {
  framing: Framing;
  /** The function takes another request on this connection. */
  keepsAlive: boolean;
  /** After how long without a request the function says that it closes the connection. */
  keepAliveMs?: number;
}

/** How far into the blank line that ends a head the bytes before were: not at all, behind a line feed, behind its CR. */
export type LineState = 0 | 1 | 2;

const lf = 10;
const cr = 13;

/**
 * Looks for the blank line that ends the headers; lines may end without CR, as Go's client allows.
 * @param state what the call for the bytes before gave.
 * @returns how many bytes belong to the head when it ends here, and how to go on when it does not.
 */
export function findHeadEnd(bytes: Uint8Array, state: LineState): { end?: number; state: LineState } {
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === lf) {
      if (state !== 0) return { end: at + 1, state: 0 };
      state = 1;
    } else state = byte === cr && state === 1 ? 2 : 0;
  }
  return { state };
}

const statusLine = /^HTTP\/1\.(\d)[ \t]+(\d{3})(?:[ \t].*)?$/;

/**
 * Reads the head of a reply from its first line to the blank one.
 * @param method of the request: a HEAD has no body whatever its headers say.
 * @throws BrokenReplyError when it is none that Go's client would take
 */
export function parseHead(text: string, method: string): ParsedHead {
  const firstEnd = text.indexOf('\n');
  const [, minor, code] = statusLine.exec(withoutCr(text.slice(0, firstEnd))) ?? [];
  const status = Number(code);
  if (code === undefined || status < 100) throw new BrokenReplyError('the reply has no status line');
  const headers = parseHeaderLines(text, firstEnd + 1);
  return { status, headers, ...readFraming(headers, { status, method, isHttp10: minor === '0' }) };
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * Reads lines of headers until the blank one. A line that goes on in the next becomes one.
 * @throws BrokenReplyError when a line has no name, or could be taken for two
 */
export function parseHeaderLines(text: string, from: number): HeaderList {
  const list: HeaderList = [];
  for (let at = from, end = 0; (end = text.indexOf('\n', at)) !== -1; at = end + 1) {
    const line = withoutCr(text.slice(at, end));
    if (line === '') break;
    if (isBlank(line.charCodeAt(0)) && list.length > 0) {
      // Without a look at the whole, which may go on for a hundred thousand lines.
      const more = trimmed(line);
      const before = list.pop() ?? '';
      list.push(before === '' || more === '' ? before + more : `${before} ${more}`);
      continue;
    }
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon));
    if (!token.test(name)) throw new BrokenReplyError('the reply has a header without a name');
    const value = trimmed(line.slice(colon + 1));
    // Others take what follows for a header of its own.
    if (value.charCodeAt(0) === cr) throw new BrokenReplyError('the reply has a header that begins with a lone CR');
    list.push(name, value);
  }
  return list;
}

function withoutCr(line: string): string {
  return line.charCodeAt(line.length - 1) === cr ? line.slice(0, -1) : line;
}

/** Takes away blanks and tabs only: `trim` would also take bytes of the upper half. */
function trimmed(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isBlank(value.charCodeAt(start))) start++;
  while (end > start && isBlank(value.charCodeAt(end - 1))) end--;
  return value.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

export interface FramingFacts {
  status: number;
  method: string;
  isHttp10: boolean;
}

/**
 * Reads where the body of a reply ends and whether its connection can be kept.
 * @throws BrokenReplyError when the headers do not say it in one way
 */
export function readFraming(
  headers: HeaderList,
  { status, method, isHttp10 }: FramingFacts,
): Omit<ParsedHead, keyof ReplyHead> {
  let length: string | undefined;
  let coding: string | undefined;
  let connection = '';
  let keepAliveMs: number | undefined;
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]?.toLowerCase();
    const value = headers[at + 1] ?? '';
    if (name === 'content-length') {
      if (!/^\d{1,15}$/.test(value) || (length !== undefined && Number(length) !== Number(value)))
        throw new BrokenReplyError('the reply has lengths that cannot be read');
      length = value;
    } else if (name === 'transfer-encoding') coding = coding === undefined ? value : `${coding},${value}`;
    else if (name === 'connection') connection += `,${value.toLowerCase()}`;
    else if (name === 'keep-alive') keepAliveMs = secondsOf(value);
  }
  if (coding !== undefined && (coding.toLowerCase() !== 'chunked' || length !== undefined))
    throw new BrokenReplyError('the reply does not say in one way where it ends');
  const framing = framingOf(length, coding, method === 'HEAD' || status < 200 || status === 204 || status === 304);
  const says = isHttp10 ? /,\s*keep-alive\s*(,|$)/.test(connection) : !/,\s*close\s*(,|$)/.test(connection);
  return { framing, keepsAlive: says && framing !== 'until close', keepAliveMs };
}

function framingOf(length: string | undefined, coding: string | undefined, hasNoBody: boolean): Framing {
  if (hasNoBody) return 'none';
  if (coding !== undefined) return 'chunked';
  if (length === undefined) return 'until close';
  return { length: Number(length) };
}

function secondsOf(keepAlive: string): number | undefined {
  const seconds = /\btimeout=(\d{1,9})/.exec(keepAlive)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}
