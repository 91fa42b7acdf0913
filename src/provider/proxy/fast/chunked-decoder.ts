import type { HeaderList } from '../headers.ts';
import { BrokenReplyError, parseHeaderLines } from '../reply-head.ts';

/** What a size with its extensions may have; Go's client allows as much. */
const maxLineBytes = 4096;

const sizeLine = /^([0-9a-f]{1,13})[ \t]*(?:;.*)?$/i;

/** Takes the chunks of a body apart; extensions are dropped, and lines may end without CR. */
export class ChunkedDecoder {
  /** Known once `isDone`. */
  trailers: HeaderList = [];
  readonly #maxTrailerBytes: number;
  #state: 'size' | 'data' | 'data end' | 'trailers' | 'done' = 'size';
  #left = 0;
  #line = '';
  #trailerText = '';

  constructor(maxTrailerBytes: number) {
    this.#maxTrailerBytes = maxTrailerBytes;
  }

  get isDone(): boolean {
    return this.#state === 'done';
  }

  /**
   * Reads bytes of the body and gives what they carry to `onData`, piece by piece.
   * @returns how many bytes it has read: fewer than there are when the body ends before.
   * @throws BrokenReplyError when they are not chunks
   */
  push(bytes: Buffer, onData: (piece: Buffer) => void): number {
    let at = 0;
    while (at < bytes.length && this.#state !== 'done') {
      if (this.#state === 'data') {
        const piece = bytes.subarray(at, at + this.#left);
        at += piece.length;
        this.#left -= piece.length;
        if (this.#left === 0) this.#state = 'data end';
        onData(piece);
        continue;
      }
      const end = bytes.indexOf('\n', at) + 1;
      this.#line += bytes.toString('latin1', at, end || bytes.length);
      at = end || bytes.length;
      if (end > 0) this.#onLine(this.#line.replace(/\r?\n$/, ''));
      else this.#checkLength(this.#line.length, this.#state === 'trailers' ? this.#maxTrailerBytes : maxLineBytes);
    }
    return at;
  }

  #onLine(line: string): void {
    this.#line = '';
    if (this.#state === 'size') this.#onSize(line);
    else if (this.#state === 'trailers') this.#onTrailer(line);
    else if (line === '') this.#state = 'size';
    else throw new BrokenReplyError('a chunk is longer than its size');
  }

  #onSize(line: string): void {
    this.#checkLength(line.length, maxLineBytes);
    const digits = sizeLine.exec(line)?.[1];
    if (digits === undefined) throw new BrokenReplyError('a chunk has no size');
    this.#left = parseInt(digits, 16);
    this.#state = this.#left === 0 ? 'trailers' : 'data';
  }

  #onTrailer(line: string): void {
    this.#trailerText += `${line}\n`;
    this.#checkLength(this.#trailerText.length, this.#maxTrailerBytes);
    if (line !== '') return;
    this.trailers = parseHeaderLines(this.#trailerText, 0);
    this.#state = 'done';
  }

  #checkLength(length: number, limit: number): void {
    if (length > limit) throw new BrokenReplyError(`a chunk has more than ${limit} bytes around it`);
  }
}
