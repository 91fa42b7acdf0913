import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { plainAddress } from '../plain-address.ts';
import type { TrustedProxies } from '../trusted-proxies.ts';

/** Where a call came from, as a function is told. */
export interface CallOrigin {
  /** The callers of each proxy, ours last. */
  for: string;
  host: string;
  proto: string;
}

const nothing: IncomingMessage['headers'] = {};

/** Finds out where a call came from; of what the request says of it, as much counts as these proxies have said. */
export function originOf({ headers, socket }: IncomingMessage, proxies: TrustedProxies | undefined): CallOrigin {
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
  return proxies?.has(plainAddress(socket.remoteAddress)) ?? true;
}

/** Says whether anybody has said where the call comes from: of most nobody has. */
function isForwarded(headers: IncomingMessage['headers']): boolean {
  return (
    headers['x-forwarded-for'] !== undefined ||
    headers['x-forwarded-proto'] !== undefined ||
    headers['x-forwarded-host'] !== undefined
  );
}
