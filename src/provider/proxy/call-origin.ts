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
  /** The caller may say it in words of its own: `Forwarded`. */
  isTrusted: boolean;
}

const nothing: IncomingMessage['headers'] = {};

/** Finds out where a call came from; of what the request says of it, as much counts as these proxies have said. */
export function originOf({ headers, socket }: IncomingMessage, proxies: TrustedProxies | undefined): CallOrigin {
  const address = plainAddress(socket.remoteAddress);
  const forwarded = isForwarded(headers) ? proxies?.forwarded({ headers, socket }) : undefined;
  const isTrusted = forwarded?.isTrusted !== false;
  const said = isTrusted ? headers : nothing;
  const before = forwarded ? forwarded.for : said['x-forwarded-for'];
  return {
    for: before ? `${String(before)}, ${address}` : address,
    host: String(said['x-forwarded-host'] ?? headers.host ?? ''),
    proto: String(said['x-forwarded-proto'] ?? (socket instanceof TLSSocket ? 'https' : 'http')),
    isTrusted,
  };
}

/** Says whether anybody has said where the call comes from: of most nobody has. */
function isForwarded(headers: IncomingMessage['headers']): boolean {
  return (
    headers['x-forwarded-for'] !== undefined ||
    headers['x-forwarded-proto'] !== undefined ||
    headers['x-forwarded-host'] !== undefined ||
    headers.forwarded !== undefined
  );
}
