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
  const parts = [method, ' ', target.path, ' HTTP/1.1\r\n'];
  const headers = requestHeaders(req, target);
  for (let at = 0; at < headers.length; at += 2) parts.push(headers[at] ?? '', ': ', headers[at + 1] ?? '', '\r\n');
  if (isChunked(req)) parts.push('transfer-encoding: chunked\r\n');
  else if (!hasBody(req) && req.headers['content-length'] === undefined && !bodyless.has(method))
    parts.push('content-length: 0\r\n');
  parts.push('connection: keep-alive\r\n\r\n');
  return parts.join('');
}
