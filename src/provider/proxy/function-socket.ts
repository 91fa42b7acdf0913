import { Socket, type SocketConstructorOpts } from 'node:net';

type WriteCallback = (error?: Error | null) => void;

export interface FunctionAddress {
  hostname: string;
  port: number;
}

/** How long the answer of a function may take that stops reading the request. */
const lingerMs = 1_000;

/**
 * A connection to a function. It closes when connecting takes too long. A write that fails does not close it at once: the
 * function may have answered before it stopped reading, and node would throw the answer away (RFC 9112 §9.5,
 * https://github.com/nodejs/node/issues/54366).
 */
export class FunctionSocket extends Socket {
  #timer?: NodeJS.Timeout;

  /** Begins to connect. */
  constructor({ hostname: host, port }: FunctionAddress, connectTimeoutMs: number, options?: SocketConstructorOpts) {
    super(options);
    this.setNoDelay(true);
    // Node writes the headers of a request with Expect without saying how, which would be UTF-8.
    this.setDefaultEncoding('latin1');
    const tooLong = () => this.destroy(new Error('connecting took too long'));
    this.#timer = setTimeout(tooLong, connectTimeoutMs);
    const stop = () => clearTimeout(this.#timer);
    this.once('connect', stop).once('close', stop);
    this.connect({ host, port });
  }

  override _write(chunk: unknown, encoding: BufferEncoding, callback: WriteCallback): void {
    super._write(chunk, encoding, (error) => this.#onWritten(error, callback));
  }

  override _writev(chunks: { chunk: unknown; encoding: BufferEncoding }[], callback: WriteCallback): void {
    super._writev?.(chunks, (error) => this.#onWritten(error, callback));
  }

  /** Keeps a failed write to itself, so that nothing more is written, until there was time to read. */
  #onWritten(error: NodeJS.ErrnoException | null | undefined, callback: WriteCallback): void {
    if (error?.syscall === 'write') this.#timer = setTimeout(() => this.destroy(error), lingerMs);
    else callback(error);
  }
}
