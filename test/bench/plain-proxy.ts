/**
 * The floor of a proxy behind Node's HTTP server: it reads and rewrites the headers both ways, keeps connections to the
 * function, streams bodies with back-pressure, and does nothing else. No names, no counts, no time limits, no second try;
 * a reply must say its length.
 *   plain-proxy.ts HOST PORT PREFIX     prints its own port; PREFIX is taken off the path
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';

const [host = '', port = '', prefix = ''] = process.argv.slice(2);
const smallBytes = 8 * 1024;
const ofConnection = new Set(['connection', 'keep-alive', 'host']);
const buffer = Buffer.allocUnsafeSlow(64 * 1024);
const idle: Upstream[] = [];

class Upstream {
  #req?: IncomingMessage;
  #res?: ServerResponse;
  #head = '';
  #left = 0;
  readonly #socket = connect({
    host,
    port: Number(port),
    noDelay: true,
    onread: { buffer, callback: (length) => this.#onRead(buffer.subarray(0, length)) },
  })
    .on('drain', () => this.#req?.resume())
    .on('error', () => this.#res?.destroy())
    .on('close', () => this.#res?.destroy());

  send(req: IncomingMessage, res: ServerResponse): void {
    this.#req = req;
    this.#res = res;
    let head = requestHead(req);
    if (req.headers['content-length'] === undefined) return void this.#socket.write(head, 'latin1');
    req.on('data', (chunk: Buffer) => {
      if (chunk.length <= smallBytes) head += chunk.toString('latin1');
      const takesMore = head === '' || this.#socket.write(head, 'latin1');
      head = '';
      if (!(chunk.length > smallBytes ? this.#socket.write(chunk) : takesMore)) req.pause();
    });
  }

  #onRead(bytes: Buffer): boolean {
    if (this.#left > 0) this.#pass(Buffer.from(bytes));
    else this.#onHead(this.#head + bytes.toString('latin1'));
    return true;
  }

  #onHead(text: string): void {
    const end = text.indexOf('\r\n\r\n');
    this.#head = end === -1 ? text : '';
    if (end === -1) return;
    const lines = text.slice(0, end).split('\r\n');
    const headers: string[] = [];
    for (const line of lines.slice(1)) {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      if (name === 'content-length') this.#left = Number(value);
      if (!ofConnection.has(name)) headers.push(line.slice(0, colon), value);
    }
    const res = this.#res;
    res?.writeHead(Number(lines[0]?.slice(9, 12)), headers);
    res?.once('close', () => {
      if (this.#res === res) this.#socket.destroy();
    });
    this.#pass(Buffer.from(text.slice(end + 4), 'latin1'));
  }

  #pass(piece: Buffer): void {
    const res = this.#res;
    this.#left -= piece.length;
    if (this.#left === 0) {
      this.#req = this.#res = undefined;
      idle.push(this);
      if (piece.length <= smallBytes) res?.end(piece.toString('latin1'), 'latin1');
      else res?.end(piece);
    } else if (res?.write(piece) === false) {
      this.#socket.pause();
      res.once('drain', () => this.#socket.resume());
    }
  }
}

function requestHead({ method, url = '', rawHeaders, socket }: IncomingMessage): string {
  let head = `${method} ${url.slice(prefix.length - 1)} HTTP/1.1\r\nhost: ${host}:${port}\r\n`;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    if (!ofConnection.has(name.toLowerCase())) head += `${name}: ${rawHeaders[at + 1]}\r\n`;
  }
  return `${head}x-forwarded-for: ${socket.remoteAddress}\r\n\r\n`;
}

const server = createServer((req, res) => (idle.pop() ?? new Upstream()).send(req, res));
server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 }, () => console.log((server.address() as AddressInfo).port));
