import type { ClientRequest, IncomingMessage } from 'node:http';
import { hasBody, trailers } from './headers.ts';

/** How much of a body is kept so that the request can be sent again. More is never buffered. */
const maxKeptBytes = 64 * 1024;

/** The caller's body on its way to a function, and its first bytes kept in case it must go to another one. */
export class RequestBody {
  readonly #req: IncomingMessage;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #overflowed = false;
  #ended: boolean;
  #detach = () => {};

  constructor(req: IncomingMessage) {
    this.#req = req;
    this.#ended = !hasBody(req);
  }

  /** True when all that was read so far can be sent again. */
  get canReplay(): boolean {
    return !this.#overflowed;
  }

  /** Sends what is kept, then the rest as it comes. */
  sendTo(request: ClientRequest): void {
    for (const chunk of this.#kept) request.write(chunk);
    if (this.#ended) return this.#finish(request);

    const req = this.#req;
    const onData = (chunk: Buffer) => {
      this.#keep(chunk);
      if (!request.write(chunk)) req.pause();
    };
    const onDrain = () => req.resume();
    const onEnd = () => {
      this.#ended = true;
      this.#finish(request);
    };
    req.on('data', onData).once('end', onEnd).resume();
    request.on('drain', onDrain);
    // The function may want to answer by the headers alone, before the first bytes come.
    const flush = setImmediate(() => request.flushHeaders());

    this.#detach = () => {
      clearImmediate(flush);
      req.off('data', onData).off('end', onEnd).pause();
      request.off('drain', onDrain);
    };
  }

  /** Stops sending; the rest stays with the caller. */
  stop(): void {
    this.#detach();
    this.#detach = () => {};
  }

  /** Drops what is kept: the function has begun to answer, so the request is not sent again. */
  forget(): void {
    this.#overflowed = true;
    this.#kept = [];
  }

  #keep(chunk: Buffer): void {
    if (this.#overflowed) return;
    this.#keptBytes += chunk.length;
    if (this.#keptBytes > maxKeptBytes) this.forget();
    else this.#kept.push(chunk);
  }

  #finish(request: ClientRequest): void {
    const list = request.hasHeader('transfer-encoding') ? trailers(this.#req) : [];
    if (list.length > 0) request.addTrailers(list);
    request.end();
  }
}
