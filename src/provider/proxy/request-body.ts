import type { IncomingMessage } from 'node:http';
import { hasBody, isChunked, trailers } from './headers.ts';
import type { Sending } from './sending.ts';

/** How much of a body is kept so that the request can be sent again. More is never buffered. */
const maxKeptBytes = 64 * 1024;

/** The caller's body on its way to a function, and its first bytes kept in case it must go to another one. */
export class RequestBody {
  readonly #req: IncomingMessage;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #overflowed = false;
  #ended: boolean;
  #detach?: () => void;

  constructor(req: IncomingMessage) {
    this.#req = req;
    this.#ended = !hasBody(req);
  }

  /** True when all that was read so far can be sent again. */
  get canReplay(): boolean {
    return !this.#overflowed;
  }

  /** Sends what is kept, then the rest as it comes. */
  sendTo(sending: Sending): void {
    for (const chunk of this.#kept) sending.write(chunk);
    if (this.#ended) return this.#finish(sending);

    const req = this.#req;
    // The function may want to answer by the headers alone, before the first bytes come.
    const flush = setImmediate(() => sending.flushHead());
    const onData = (chunk: Buffer) => {
      clearImmediate(flush);
      this.#keep(chunk);
      if (!sending.write(chunk)) req.pause();
    };
    const onEnd = () => {
      clearImmediate(flush);
      this.#ended = true;
      this.#finish(sending);
    };
    req.on('data', onData).once('end', onEnd).resume();

    this.#detach = () => {
      clearImmediate(flush);
      req.off('data', onData).off('end', onEnd).pause();
    };
  }

  /** Goes on: the function takes more. */
  resume(): void {
    if (!this.#ended) this.#req.resume();
  }

  /** Stops sending; the rest stays with the caller. */
  stop(): void {
    this.#detach?.();
    this.#detach = undefined;
  }

  /** Drops what is kept: the function has begun to answer, so the request is not sent again. */
  forget(): void {
    this.#overflowed = true;
    this.#kept = [];
  }

  #keep(chunk: Buffer): void {
    this.#keptBytes += chunk.length;
    if (this.#overflowed) return;
    if (this.#keptBytes > maxKeptBytes) this.forget();
    else this.#kept.push(chunk);
  }

  #finish(sending: Sending): void {
    sending.end(isChunked(this.#req) ? trailers(this.#req.rawTrailers) : []);
  }
}
