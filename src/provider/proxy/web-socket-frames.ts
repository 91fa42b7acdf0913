import { Transform, type TransformCallback } from 'node:stream';

/** A close frame that says "going away" (RFC 6455 §5.5.1, §7.4.1), and the same masked with zeros, as whoever connected must. */
const goingAway = Buffer.from([0x88, 0x02, 0x03, 0xe9]);
const goingAwayMasked = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9]);

/** The longest header of a frame: two bytes, eight of a length, four of a mask. */
const mostHeaderBytes = 14;

/**
 * Passes one direction of a WebSocket on as it is, and knows where its frames end, so that it can be ended between two of
 * them with a close frame. What comes after that is dropped.
 */
export class WebSocketFrames extends Transform {
  readonly #goodbye: Buffer;
  /** Bytes of the frame under way that are still to come, once its header is read. */
  #left = 0;
  readonly #header = Buffer.alloc(mostHeaderBytes);
  #headerBytes = 0;
  #isLeaving = false;
  #hasLeft = false;

  constructor({ masked }: { masked: boolean }) {
    super();
    this.#goodbye = masked ? goingAwayMasked : goingAway;
  }

  /** Ends it when the frame under way has passed: at once where there is none. */
  leave(): void {
    this.#isLeaving = true;
    if (this.#isBetween) this.#sayGoodbye();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    if (this.#hasLeft) return done();
    const end = this.#follow(chunk);
    if (end > 0) this.push(end === chunk.length ? chunk : chunk.subarray(0, end));
    if (this.#isLeaving && this.#isBetween) this.#sayGoodbye();
    done();
  }

  override _flush(done: TransformCallback): void {
    this.#hasLeft = true;
    done();
  }

  get #isBetween(): boolean {
    return this.#left === 0 && this.#headerBytes === 0;
  }

  #sayGoodbye(): void {
    if (this.#hasLeft || this.writableFinished) return;
    this.#hasLeft = true;
    this.push(this.#goodbye);
    this.push(null);
  }

  /** Follows the frames of a chunk; up to the first end of one where it is about to leave. Returns up to where. */
  #follow(chunk: Buffer): number {
    let at = 0;
    while (at < chunk.length) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, chunk.length - at);
        this.#left -= step;
        at += step;
      } else at = this.#readHeader(chunk, at);
      if (this.#isLeaving && this.#isBetween) return at;
    }
    return at;
  }

  #readHeader(chunk: Buffer, from: number): number {
    let at = from;
    while (at < chunk.length && this.#headerBytes < headerLength(this.#header, this.#headerBytes))
      this.#header[this.#headerBytes++] = chunk[at++] ?? 0;
    if (this.#headerBytes < headerLength(this.#header, this.#headerBytes)) return at;
    this.#left = payloadLength(this.#header);
    this.#headerBytes = 0;
    return at;
  }
}

/** Returns how long a frame's header is, as far as its first bytes tell. */
function headerLength(header: Buffer, bytes: number): number {
  if (bytes < 2) return 2;
  const [, second = 0] = header;
  const length = second & 0x7f;
  const extended = length === 127 ? 8 : length === 126 ? 2 : 0;
  return 2 + extended + (second & 0x80 ? 4 : 0);
}

function payloadLength(header: Buffer): number {
  const [, second = 0] = header;
  const length = second & 0x7f;
  if (length === 126) return header.readUInt16BE(2);
  return length === 127 ? Number(header.readBigUInt64BE(2)) : length;
}
