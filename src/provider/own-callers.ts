import type { Duplex } from 'node:stream';

const own = new WeakSet<Duplex>();

/** Marks a connection as one of our own, whose word on where its calls came from is taken. */
export function believe(socket: Duplex): void {
  own.add(socket);
}

export function isBelieved(socket: Duplex): boolean {
  return own.has(socket);
}
