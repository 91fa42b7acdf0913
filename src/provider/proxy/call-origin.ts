import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { isBelieved } from '../own-callers.ts';
import { plainAddress } from '../plain-address.ts';
import type { TrustedProxies } from '../trusted-proxies.ts';

/** Where a call came from, as a function is told. */
export interface CallOrigin {
  /** The callers of each proxy, ours last; '' where nobody is known. */
  for: string;
  host: string;
  proto: string;
}

const nothing: IncomingMessage['headers'] = {};

/** Finds out where a call came from; of what the request says of it, as much counts as these proxies have said. */
export function originOf({ headers, socket }: IncomingMessage, proxies: TrustedProxies | undefined): CallOrigin {
  if (isOwnCall(socket)) return toldOrigin(headers);
  const address = plainAddress(socket.remoteAddress);
  const forwarded = isForwarded(headers) ? proxies?.forwarded({ headers, socket }) : undefined;
  const said = forwarded?.isTrusted === false ? nothing : headers;
  const before = forwarded ? forwarded.for : said['x-forwarded-for'];
  return {
    for: before ? `${String(before)}, ${address}` : address,
    host: String(said['x-forwarded-host'] ?? headers.host ?? ''),
    proto: String(said['x-forwarded-proto'] ?? (socket instanceof TLSSocket ? 'https' : 'http')),
  };
}

/** Says whether a header, its name in lower case, is one by which proxies tell where a call came from. */
export function tellsOrigin(name: string): boolean {
  return name.startsWith('x-forwarded-') || name === 'x-real-ip' || name === 'forwarded';
}

/** Says whether what the request says of where it came from is passed on. */
export function mayTellOrigin({ socket }: IncomingMessage, proxies: TrustedProxies | undefined): boolean {
  return isOwnCall(socket) || (proxies?.has(plainAddress(socket.remoteAddress)) ?? true);
}

/** Says whether the process itself calls, at the socket that only it may call, which says where its calls came from. */
function isOwnCall(socket: Socket): boolean {
  // The others have an address.
  return plainAddress(socket.remoteAddress) === '' && isBelieved(socket);
}

function toldOrigin(headers: IncomingMessage['headers']): CallOrigin {
  const told = (of: string) => headers[`x-forwarded-${of}`];
  return {
    for: String(told('for') ?? ''),
    host: String(told('host') ?? headers.host ?? ''),
    proto: String(told('proto') ?? 'http'),
  };
}

/** Says whether anybody has said where the call comes from: of most nobody has. */
function isForwarded(headers: IncomingMessage['headers']): boolean {
  return (
    headers['x-forwarded-for'] !== undefined ||
    headers['x-forwarded-proto'] !== undefined ||
    headers['x-forwarded-host'] !== undefined
  );
}
