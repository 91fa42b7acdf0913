import { Socket, type SocketConstructorOpts } from 'node:net';

export interface FunctionAddress {
  hostname: string;
  port: number;
}

/** A connection to a function. It closes when connecting takes too long. */
export class FunctionSocket extends Socket {
  #timer?: NodeJS.Timeout;

  /** Begins to connect. */
  constructor({ hostname: host, port }: FunctionAddress, connectTimeoutMs: number, options?: SocketConstructorOpts) {
    super(options);
    this.setNoDelay(true);
    const tooLong = () => this.destroy(new Error('connecting took too long'));
    this.#timer = setTimeout(tooLong, connectTimeoutMs);
    const stop = () => clearTimeout(this.#timer);
    this.once('connect', stop).once('close', stop);
    this.connect({ host, port });
  }
}
