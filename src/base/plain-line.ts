/** Answers of one plain line, as every error of the API is. */
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

export interface PlainAnswer {
  status: number;
  /** One line; line feeds in it become blanks. */
  message: string;
  headers?: Record<string, string>;
}

/** Writes the body of an answer: `message` on one line, with a line feed at its end. */
export function plainLine(message: string): string {
  const lines = message.split(/[\r\n]+/).map((line) => line.trim());
  return `${lines.filter((line) => line !== '').join(' ')}\n`;
}

/** Makes the headers of a plain answer with this body. */
export function plainHeaders(line: string): Record<string, string> {
  return {
    'Content-Type': 'text/plain; charset=utf-8',
    'X-Content-Type-Options': 'nosniff',
    'Content-Length': String(Buffer.byteLength(line)),
  };
}

/** Answers `req` with one line. An answer that has begun cannot be mended: its connection is cut. */
export function answerPlain(req: IncomingMessage, res: ServerResponse, answer: PlainAnswer): void {
  if (res.headersSent) return void res.destroy();
  const line = plainLine(answer.message);
  res.writeHead(answer.status, { ...plainHeaders(line), ...answer.headers });
  res.end(line);
  // What is left of the body is read and dropped, so that the connection can serve the next request.
  req.resume();
}

/** Writes a whole answer, for a socket that has no response object; the connection ends with it. */
export function rawAnswer({ status, message, headers }: PlainAnswer): string {
  const line = plainLine(message);
  const all = { ...plainHeaders(line), ...headers, Connection: 'close' };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}`, ...lines, '', line].join('\r\n');
}

/** Answers a socket with one line, then closes it. */
export function answerSocket(socket: Duplex, answer: PlainAnswer): void {
  socket.end(rawAnswer(answer), () => socket.destroy());
}
