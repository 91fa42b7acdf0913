import { validateHeaderValue, type IncomingMessage } from 'node:http';
import { hasBody, isChunked, requestHeaders } from '../headers.ts';
import type { ProxyTarget } from '../proxy.ts';

/** Requests with these methods have no body by nature; with others a server wants to be told that there is none. */
const bodyless = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT']);

/** Writes the request line and the headers for the function, the blank line included; to be sent as latin1. */
export function renderHead(req: IncomingMessage, target: ProxyTarget): string {
  // The caller's headers have been through node's parser, these have not.
  for (const name in target.headers) validateHeaderValue(name, target.headers[name] ?? '');
  const { method = 'GET' } = req;
  // Joined once: a string that grows piece by piece is a tree, which takes thrice the memory.
  const lines = [`${method} ${target.path} HTTP/1.1`];
  const headers = requestHeaders(req, target);
  for (let at = 0; at < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
  if (isChunked(req)) lines.push('transfer-encoding: chunked');
  else if (!hasBody(req) && req.headers['content-length'] === undefined && !bodyless.has(method))
    lines.push('content-length: 0');
  lines.push('connection: keep-alive', '', '');
  return lines.join('\r\n');
}
