import type { FaaSContext } from './handlers.ts';

/** Routers and proxies end a connection that is silent for much longer. */
const commentMs = 15_000;
/** A reader that leaves more than this unread does not read. */
const mostWaitingBytes = 1024 * 1024;

/** One event of a stream. */
export interface StreamedEvent {
  /** `message` where it is absent. */
  name?: string;
  /** What a reader that comes back names as the last that it has had. */
  id?: string;
  /** Sent as JSON. */
  data: unknown;
}

/**
 * Answers a request with server-sent events until its `ctx.state.signal` aborts. A reader that does not read is cut off.
 * Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export class EventStream {
  readonly #res: FaaSContext['res'];
  readonly #comments: NodeJS.Timeout;

  constructor(ctx: FaaSContext) {
    const { res, state } = ctx;
    this.#res = res;
    ctx.respond = false;
    ctx.status = 200;
    ctx.type = 'text/event-stream';
    ctx.set('Cache-Control', 'no-store');
    ctx.flushHeaders();
    this.#comments = setInterval(() => this.#write(':\n\n'), commentMs).unref();
    if (state.signal.aborted) this.#end();
    else state.signal.addEventListener('abort', () => this.#end(), { once: true });
  }

  /** Sends an event. */
  send({ name, id, data }: StreamedEvent): void {
    const head = `${name === undefined ? '' : `event: ${name}\n`}${id === undefined ? '' : `id: ${id}\n`}`;
    this.#write(`${head}data: ${JSON.stringify(data)}\n\n`);
  }

  #write(text: string): void {
    if (this.#res.writableEnded || this.#res.destroyed) return;
    // As of before: one event may be larger by itself.
    if (this.#res.writableLength > mostWaitingBytes) this.#res.destroy();
    else this.#res.write(text);
  }

  #end(): void {
    clearInterval(this.#comments);
    if (!this.#res.writableEnded) this.#res.end();
  }
}
