import type { SendingListener } from '../sending.ts';
import { ChunkedDecoder } from './chunked-decoder.ts';
import { BrokenReplyError, findHeadEnd, parseHead, type LineState, type ParsedHead } from '../reply-head.ts';

export type ReplyListener = Pick<SendingListener, 'onInterim' | 'onHead' | 'onData' | 'onEnd'>;

export interface ReplyParserOptions {
  /** The request's. */
  method: string;
  /** Bytes of headers that a reply may have. */
  maxHeaderBytes: number;
}

const mostParts = 256;

/** Reads one reply from the bytes of a connection, however they are cut, and tells its listener. */
export class ReplyParser {
  readonly #options: ReplyParserOptions;
  readonly #listener: ReplyListener;
  #headParts: Buffer[] = [];
  #headBytes = 0;
  #lineState: LineState = 0;
  #head?: ParsedHead;
  #left = 0;
  #chunks?: ChunkedDecoder;
  #isComplete = false;
  #hasExtra = false;

  constructor(options: ReplyParserOptions, listener: ReplyListener) {
    this.#options = options;
    this.#listener = listener;
  }

  /** The whole reply was read. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** How long the connection may be kept for another request; 0 when it may not. */
  get keepMs(): number {
    if (!this.#isComplete || this.#hasExtra || !this.#head?.keepsAlive) return 0;
    return this.#head.keepAliveMs ?? Infinity;
  }

  /** @throws BrokenReplyError when the bytes are not HTTP */
  push(bytes: Buffer): void {
    const rest = this.#head ? bytes : this.#pushHead(bytes);
    if (rest.length === 0) return;
    if (this.#isComplete) this.#hasExtra = true;
    else if (this.#chunks) this.#pushChunks(this.#chunks, rest);
    else this.#pushPlain(rest);
  }

  /**
   * Says that the connection has ended, which is how some replies end.
   * @throws BrokenReplyError when the reply is not over
   */
  finish(): void {
    if (this.#isComplete) return;
    if (!this.#head) throw new BrokenReplyError('the connection closed without an answer');
    if (this.#head.framing !== 'until close') throw new BrokenReplyError('the reply broke off');
    this.#complete();
  }

  /** Reads the head, behind interim replies. Returns what follows it. */
  #pushHead(bytes: Buffer): Buffer {
    let rest = bytes;
    while (!this.#head && rest.length > 0) rest = rest.subarray(this.#takeHead(rest));
    return rest;
  }

  /** Returns how many bytes belong to the head that is being read. */
  #takeHead(bytes: Buffer): number {
    const { end, state } = findHeadEnd(bytes, this.#lineState);
    this.#lineState = state;
    this.#headBytes += end ?? bytes.length;
    if (this.#headBytes > this.#options.maxHeaderBytes)
      throw new BrokenReplyError(`the reply has more than ${this.#options.maxHeaderBytes} bytes of headers`);
    if (end === undefined) {
      this.#headParts.push(Buffer.from(bytes));
      // Whoever sends it byte by byte must not make us keep a Buffer for each.
      if (this.#headParts.length > mostParts) this.#headParts = [Buffer.concat(this.#headParts)];
      return bytes.length;
    }
    const text = this.#headText() + bytes.toString('latin1', 0, end);
    this.#headBytes = 0;
    this.#onHead(parseHead(text, this.#options.method), end < bytes.length);
    return end;
  }

  /** Takes what was read of the head before. */
  #headText(): string {
    if (this.#headParts.length === 0) return '';
    const text = Buffer.concat(this.#headParts).toString('latin1');
    this.#headParts = [];
    return text;
  }

  #onHead(head: ParsedHead, isFollowed: boolean): void {
    const { status, framing } = head;
    if (status === 101) throw new BrokenReplyError('status 101 is no answer');
    if (status < 200) return this.#listener.onInterim(head);
    this.#head = head;
    this.#listener.onHead(head, typeof framing === 'object' ? isFollowed || framing.length === 0 : framing === 'none');
    if (framing === 'chunked') this.#chunks = new ChunkedDecoder(this.#options.maxHeaderBytes);
    else if (framing === 'until close') this.#left = Infinity;
    else this.#left = framing === 'none' ? 0 : framing.length;
    if (this.#left === 0 && !this.#chunks) this.#complete();
  }

  #pushPlain(bytes: Buffer): void {
    const piece = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
    this.#left -= piece.length;
    this.#hasExtra = piece.length < bytes.length;
    this.#listener.onData(piece, this.#left === 0);
    if (this.#left === 0) this.#complete();
  }

  #pushChunks(chunks: ChunkedDecoder, bytes: Buffer): void {
    const read = chunks.push(bytes, (piece) => this.#listener.onData(piece, false));
    this.#hasExtra = read < bytes.length;
    if (chunks.isDone) this.#complete();
  }

  #complete(): void {
    this.#isComplete = true;
    this.#listener.onEnd(this.#chunks?.trailers ?? []);
  }
}
