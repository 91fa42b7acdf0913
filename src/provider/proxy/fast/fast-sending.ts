import type { HeaderList, ReplyHead } from '../headers.ts';
import { smallBytes, type Sending, type SendingListener } from '../sending.ts';
import type { ConnectionPool } from './connection-pool.ts';
import type { ConnectionUser, FunctionConnection } from './function-connection.ts';
import { ReplyParser, type ReplyListener, type ReplyParserOptions } from './reply-parser.ts';

export interface FastSendingOptions extends ReplyParserOptions {
  /** The request's head, not sent yet. */
  head: string;
  /** The body goes out in chunks. */
  isChunked: boolean;
  connection: FunctionConnection;
  onKeptConnection: boolean;
  /** Gets the connection when the reply is over. */
  pool: ConnectionPool;
}

/** A sending over a connection of our own, with the requests written and the replies read here. */
export class FastSending implements Sending, ConnectionUser, ReplyListener {
  readonly onKeptConnection: boolean;
  isComplete = false;
  readonly #options: FastSendingOptions;
  readonly #connection: FunctionConnection;
  readonly #parser: ReplyParser;
  #listener?: SendingListener;
  #head: string;
  #isOver = false;
  #isPaused = false;

  constructor(options: FastSendingOptions) {
    this.#options = options;
    this.#connection = options.connection;
    this.onKeptConnection = options.onKeptConnection;
    this.#head = options.head;
    this.#parser = new ReplyParser(options, this);
  }

  begin(listener: SendingListener): void {
    this.#listener = listener;
    this.#connection.use(this);
    if (this.onKeptConnection) listener.onConnected();
  }

  write(chunk: Buffer): boolean {
    const { isChunked } = this.#options;
    if (chunk.length === 0 || this.#isOver) return true;
    const before = this.#takeHead() + (isChunked ? `${chunk.length.toString(16)}\r\n` : '');
    const after = isChunked ? '\r\n' : '';
    const { socket } = this.#connection;
    if (before === '') return socket.write(chunk);
    if (chunk.length <= smallBytes) return socket.write(before + chunk.toString('latin1') + after, 'latin1');
    socket.cork();
    socket.write(before, 'latin1');
    const takesMore = socket.write(chunk);
    if (after) socket.write(after, 'latin1');
    socket.uncork();
    return takesMore;
  }

  flushHead(): void {
    const head = this.#takeHead();
    if (head && !this.#isOver) this.#connection.socket.write(head, 'latin1');
  }

  end(trailers: HeaderList): void {
    this.isComplete = true;
    let last = this.#takeHead();
    if (this.#options.isChunked) {
      last += '0\r\n';
      for (let at = 0; at < trailers.length; at += 2) last += `${trailers[at]}: ${trailers[at + 1]}\r\n`;
      last += '\r\n';
    }
    if (last && !this.#isOver) this.#connection.socket.write(last, 'latin1');
  }

  pause(): void {
    if (this.#isOver) return;
    this.#isPaused = true;
    this.#connection.socket.pause();
  }

  resume(): void {
    if (this.#isOver || !this.#isPaused) return;
    this.#isPaused = false;
    this.#connection.socket.resume();
  }

  destroy(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#connection.socket.destroy();
  }

  onConnected(): void {
    this.#listener?.onConnected();
  }

  onDrain(): void {
    this.#listener?.onDrain();
  }

  onRead(bytes: Buffer): void {
    // Said before the question, on a connection of an earlier call: it may be an answer of that one.
    if (this.onKeptConnection && this.#head !== '') this.#break(new Error('the function spoke before it was asked'));
    if (!this.#isOver) this.#parse(bytes);
  }

  onEof(): void {
    if (!this.#isOver) this.#parse();
  }

  onClosed(error: Error): void {
    this.#break(error);
  }

  onInterim(head: ReplyHead): void {
    if (!this.#isOver) this.#listener?.onInterim(head);
  }

  onHead(head: ReplyHead, isFollowed: boolean): void {
    if (!this.#isOver) this.#listener?.onHead(head, isFollowed);
  }

  onData(chunk: Buffer, isLast: boolean): void {
    if (this.#isOver) return;
    const isReadAtOnce = isLast && chunk.length <= smallBytes;
    this.#listener?.onData(isReadAtOnce ? chunk : Buffer.from(chunk), isLast);
  }

  onEnd(trailers: HeaderList): void {
    if (!this.#isOver) this.#listener?.onEnd(trailers);
  }

  /** Reads on, or that the connection has ended. */
  #parse(bytes?: Buffer): void {
    try {
      if (bytes) this.#parser.push(bytes);
      else this.#parser.finish();
    } catch (error) {
      return this.#break(error instanceof Error ? error : new Error(String(error)));
    }
    if (this.#parser.isComplete) this.#handBack();
  }

  /** Gives the connection back; the listener has destroyed this sending when the function has not read all. */
  #handBack(): void {
    if (this.#isOver) return;
    const { pool } = this.#options;
    const { socket } = this.#connection;
    this.resume();
    this.#isOver = true;
    pool.put(this.#connection, socket.writableLength === 0 ? this.#parser.keepMs : 0);
  }

  #break(error: Error): void {
    if (this.#isOver) return;
    this.destroy();
    this.#listener?.onBroken(error);
  }

  #takeHead(): string {
    const head = this.#head;
    this.#head = '';
    return head;
  }
}
