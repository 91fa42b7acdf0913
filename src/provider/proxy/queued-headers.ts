import type { IncomingMessage } from 'node:http';
import type { TrustedProxies } from '../trusted-proxies.ts';
import { pairs, requestHeaders } from './headers.ts';

/** What says how one request is sent, and not what is asked. */
const ofOneSending = new Set(['host', 'content-length', 'expect', 'te', 'trailer']);

/**
 * Lists the headers that a function is told of a call which is made later: those that it would be told now, where the call came
 * from among them.
 * @param options.headers are set over the caller's
 */
export function queuedHeaders(
  req: IncomingMessage,
  options: { headers: Record<string, string>; trustedProxies?: TrustedProxies },
): [name: string, value: string][] {
  const sent = requestHeaders(req, { hostname: '', port: 0, path: '', ...options });
  return pairs(sent).filter(([name]) => !ofOneSending.has(name));
}
