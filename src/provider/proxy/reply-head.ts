import { lowerToken, type HeaderList, type ReplyHead } from './headers.ts';

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

/** What nearly all begin with. */
const usualStatusLine = /^HTTP\/1\.1 [1-9]\d\d [\x20-\x7e]*\r?\n/;

/**
 * Reads the head of a reply from its first line to the blank one.
 * @param method of the request: a HEAD has no body whatever its headers say.
 * @throws BrokenReplyError when it is none that Go's client would take
 */
export function parseHead(text: string, method: string): ParsedHead {
  const firstEnd = text.indexOf('\n');
  let status: number;
  let isHttp10 = false;
  if (usualStatusLine.test(text)) status = Number(text.slice(9, 12));
  else {
    const line = text.slice(0, text.charCodeAt(firstEnd - 1) === cr ? firstEnd - 1 : firstEnd);
    const [, minor, code] = statusLine.exec(line) ?? [];
    status = Number(code);
    isHttp10 = minor === '0';
  }
  if (!(status >= 100)) throw new BrokenReplyError('the reply has no status line');
  const names: string[] = [];
  const headers = parseHeaderLines(text, firstEnd + 1, names);
  const { framing, keepsAlive, keepAliveMs } = readFraming({ status, headers, names }, { method, isHttp10 });
  return { status, headers, names, framing, keepsAlive, keepAliveMs };
}

/**
 * Reads lines of headers until the blank one. A line that goes on in the next becomes one.
 * @param names gets the names in lower case
 * @throws BrokenReplyError when a line has no name, or could be taken for two
 */
export function parseHeaderLines(text: string, from: number, names?: string[]): HeaderList {
  const list: HeaderList = [];
  for (let at = from, feed = 0; (feed = text.indexOf('\n', at)) !== -1; at = feed + 1) {
    const end = feed > at && text.charCodeAt(feed - 1) === cr ? feed - 1 : feed;
    if (end === at) break;
    if (isBlank(text.charCodeAt(at)) && list.length > 0) {
      // Without a look at the whole, which may go on for a hundred thousand lines.
      const more = trimmed(text, at, end);
      const before = list.pop() ?? '';
      list.push(before === '' || more === '' ? before + more : `${before} ${more}`);
      continue;
    }
    const colon = text.indexOf(':', at);
    const name = colon === -1 || colon > end ? '' : text.slice(at, colon);
    const lower = lowerToken(name);
    if (lower === undefined) throw new BrokenReplyError('the reply has a header without a name');
    const value = trimmed(text, colon + 1, end);
    // Others take what follows for a header of its own.
    if (value.charCodeAt(0) === cr) throw new BrokenReplyError('the reply has a header that begins with a lone CR');
    names?.push(lower);
    list.push(name, value);
  }
  return list;
}

/** Cuts a value out without the blanks and tabs around it: `trim` would also take bytes of the upper half. */
function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

/**
 * Reads where the body of a reply ends and whether its connection can be kept.
 * @throws BrokenReplyError when the headers do not say it in one way
 */
export function readFraming(
  { status, headers, names }: ReplyHead,
  { method, isHttp10 }: { method: string; isHttp10: boolean },
): Omit<ParsedHead, keyof ReplyHead> {
  let length: string | undefined;
  let coding: string | undefined;
  let connection = '';
  let keepAliveMs: number | undefined;
  for (let at = 0; at < names.length; at++) {
    const name = names[at];
    const value = headers[2 * at + 1] ?? '';
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
  if (connection === '') return { framing, keepsAlive: !isHttp10 && framing !== 'until close', keepAliveMs };
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
