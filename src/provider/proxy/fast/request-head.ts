import { validateHeaderValue, type IncomingMessage } from 'node:http';
import { hasBody, isChunked, requestHeaders } from '../headers.ts';
import type { ProxyTarget } from '../proxy.ts';

/** Requests with these methods have no body by nature; with others a server wants to be told that there is none. */
const bodyless = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT']);

/** Writes the request line and the headers for the function, the blank line included; to be sent as latin1. */
export function renderHead(req: IncomingMessage, target: ProxyTarget): string {
  // The caller's headers have been through node's parser, these have not.
  for (const [name, value] of Object.entries(target.headers ?? {})) validateHeaderValue(name, value);
  const { method = 'GET' } = req;
  let head = `${method} ${target.path} HTTP/1.1\r\n`;
  const headers = requestHeaders(req, target);
  for (let at = 0; at < headers.length; at += 2) head += `${headers[at]}: ${headers[at + 1]}\r\n`;
  if (isChunked(req)) head += 'transfer-encoding: chunked\r\n';
  else if (!hasBody(req) && req.headers['content-length'] === undefined && !bodyless.has(method))
    head += 'content-length: 0\r\n';
  return `${head}connection: keep-alive\r\n\r\n`;
}
