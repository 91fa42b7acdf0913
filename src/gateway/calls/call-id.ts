import { randomFillSync } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/**
 * Returns the headers that name a call: the caller's own `X-Call-Id` or a new UUID, and when it began, in nanoseconds since
 * the epoch. Source: https://docs.openfaas.com/reference/async/
 */
export function callHeaders({ headers }: IncomingMessage): Record<string, string> {
  const given = headers['x-call-id'];
  return {
    'X-Call-Id': typeof given === 'string' && given !== '' ? given : newCallId(),
    'X-Start-Time': startTime(),
  };
}

/** Returns this moment in nanoseconds since the epoch. */
export function startTime(): string {
  return `${Date.now()}000000`;
}

const idBytes = 16;
const random = Buffer.allocUnsafeSlow(256 * idBytes);
let used = random.length;

const text = Buffer.from('00000000-0000-0000-0000-000000000000');
/** Where the two digits of each byte stand. */
const places = [...text.keys()].filter((at) => text[at] !== 45).filter((_, digit) => digit % 2 === 0);
const digits = Buffer.from('0123456789abcdef');

/** Says whether a text may be the id of a call that is kept, which is also a part of URLs and the name of a file. */
export function isCallId(text: string): boolean {
  return /^(?!\.{1,2}$)[A-Za-z0-9_.-]{1,64}$/.test(text);
}

/** Makes a random UUID, as `randomUUID` does; that one is a tree of twenty strings, half a kilobyte. */
export function newCallId(): string {
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  random[used + 6] = ((random[used + 6] ?? 0) & 0x0f) | 0x40;
  random[used + 8] = ((random[used + 8] ?? 0) & 0x3f) | 0x80;
  for (const place of places) {
    const byte = random[used++] ?? 0;
    text[place] = digits[byte >> 4] ?? 0;
    text[place + 1] = digits[byte & 15] ?? 0;
  }
  return text.toString('latin1');
}
