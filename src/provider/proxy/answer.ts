import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** What the caller is told when the function is not the one to answer: one plain line. */
export interface Answer {
  status: number;
  message: string;
  headers?: Record<string, string>;
}

export function answer(req: IncomingMessage, res: ServerResponse, { status, message, headers }: Answer): void {
  if (res.headersSent) return void res.destroy();
  const line = `${message}\n`;
  res.writeHead(status, { ...plainHeaders(line), ...headers });
  res.end(line);
  // What is left of the body is read and dropped, so that the connection can serve the next request.
  req.resume();
}

export function answerSocket(socket: Duplex, { status, message, headers }: Answer): void {
  const line = `${message}\n`;
  const all = { ...plainHeaders(line), ...headers, Connection: 'close' };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  const text = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}`, ...lines, '', line].join('\r\n');
  socket.end(text, () => socket.destroy());
}

function plainHeaders(line: string): Record<string, string> {
  return {
    'Content-Type': 'text/plain; charset=utf-8',
    'X-Content-Type-Options': 'nosniff',
    'Content-Length': String(Buffer.byteLength(line)),
  };
}
