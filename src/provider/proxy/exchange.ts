import type { IncomingMessage, ServerResponse } from 'node:http';
import { onCallerLeaves } from './caller.ts';
import {
  contentTypeFor,
  expectsContinue,
  hasBody,
  isIdempotent,
  isNotReady,
  pairs,
  ReadReply,
  trailers,
  type HeaderList,
  type ReplyHead,
} from './headers.ts';
import type { CutStreams } from '../handlers.ts';
import type { LiveCall, LiveCalls } from './live-calls.ts';
import type { ProxyOutcome, ProxyTarget } from './proxy.ts';
import type { RequestBody } from './request-body.ts';
import { smallBytes, type Sending, type SendingListener } from './sending.ts';

export interface ExchangeOptions {
  req: IncomingMessage;
  res: ServerResponse;
  body: RequestBody;
  target: ProxyTarget;
  live: LiveCalls;
}

/** So much of interim replies may wait for the caller; what more comes is dropped. */
const mostInterimBytes = 64 * 1024;

/** One request to one function and its reply. Settles exactly once, whichever side goes first, and then holds nothing. */
export class Exchange implements SendingListener, LiveCall {
  readonly outcome: Promise<ProxyOutcome>;
  readonly #sending: Sending;
  readonly #options: ExchangeOptions;
  readonly #stopWatchingCaller: () => void;
  readonly #timer?: NodeJS.Timeout;
  #resolve: (outcome: ProxyOutcome) => void = () => {};
  #settled = false;
  #connected = false;
  #started = false;
  #reply?: ReadReply;
  #heldBack?: ProxyOutcome;
  #flush?: NodeJS.Immediate;
  #isHeldUp = false;

  /** @param sending not begun yet: its body is `options.body`. */
  constructor(sending: Sending, options: ExchangeOptions) {
    const { req, res, target } = options;
    this.#sending = sending;
    this.#options = options;
    this.outcome = new Promise((resolve) => (this.#resolve = resolve));
    this.#stopWatchingCaller = onCallerLeaves(req, res, () => this.#fail('aborted'));
    const { timeoutMs } = target;
    if (timeoutMs !== undefined) this.#timer = setTimeout(() => this.#fail('timeout'), timeoutMs);
    options.live.add(this);
    sending.begin(this);
  }

  /** Ends an event stream properly, as its reader comes again. Any other answer that has begun must look broken. */
  cut(): keyof CutStreams {
    const { res } = this.#options;
    if (!this.#reply?.isEventStream || !res.headersSent) {
      this.#fail('cut');
      return 'calls';
    }
    this.#settle({ status: this.#reply.status });
    // The function has sent no end: its connection can carry no other call.
    this.#sending.destroy();
    res.end();
    return 'eventStreams';
  }

  onConnected(): void {
    this.#connected = true;
    // A kept connection may have been closed by the function in this very moment. One turn of the event loop shows
    // it while nothing is sent, so that also a POST can safely go over another one: the first immediate comes before the
    // network is looked at again, the second behind.
    if (this.#sending.onKeptConnection && !isIdempotent(this.#options.req))
      setImmediate(() => setImmediate(() => this.#start()));
    else this.#start();
  }

  onDrain(): void {
    if (!this.#settled) this.#options.body.resume();
  }

  onInterim(head: ReplyHead): void {
    const { req, res } = this.#options;
    // HTTP/1.0 knows none, and 100 is for those who ask.
    if (this.#settled || res.headersSent || req.httpVersion !== '1.1') return;
    // They can be without end, and must not heap up before a caller that does not take them.
    if (res.writableLength > mostInterimBytes) return;
    if (head.status === 100) {
      if (expectsContinue(req)) res.writeContinue();
      return;
    }
    this.#write(() => res.writeInformation(head.status, new ReadReply(head).headersFor({ chunked: false })));
  }

  onHead(head: ReplyHead, isFollowed: boolean): void {
    if (this.#settled) return;
    const reply = new ReadReply(head);
    // 101 that nobody asked for.
    if (reply.status < 200) return this.#fail('reset', new Error(`status ${reply.status} is no answer`));
    this.#reply = reply;
    if (!isNotReady(reply)) return this.#passOn(reply, isFollowed);
    const facts = { ...this.#facts(), watchdogError: true, isNotReady: true };
    if (this.#options.target.holdsBack?.(facts)) this.#holdBack(facts);
    else this.#passOn(reply, isFollowed);
  }

  onData(chunk: Buffer, isLast: boolean): void {
    if (this.#settled || this.#heldBack) return;
    const { res } = this.#options;
    if (this.#flush) clearImmediate(this.#flush);
    if (isLast && chunk.length <= smallBytes) return void res.end(chunk.toString('latin1'), 'latin1');
    if (res.write(chunk) || this.#isHeldUp) return;
    // More may come all the same, of what is read already.
    this.#isHeldUp = true;
    this.#sending.pause();
    res.once('drain', () => {
      this.#isHeldUp = false;
      if (!this.#settled) this.#sending.resume();
    });
  }

  onEnd(list: HeaderList): void {
    if (this.#settled) return;
    if (this.#heldBack) return this.#settle(this.#heldBack);
    const { req, res } = this.#options;
    const { status, isWatchdogError, isChunked } = this.#reply ?? { status: 0 };
    if (this.#flush) clearImmediate(this.#flush);
    const passed = isChunked && req.httpVersion === '1.1' ? pairs(trailers(list)) : [];
    if (passed.length > 0 && !this.#write(() => res.addTrailers(passed))) return;
    if (!res.writableEnded) res.end();
    this.#settle({ status, watchdogError: isWatchdogError });
    // What the function did not want of the body is dropped, so that the caller's connection can go on.
    if (hasBody(req)) req.resume();
  }

  onBroken(error: Error): void {
    if (this.#heldBack) this.#settle(this.#heldBack);
    else this.#fail(this.#connected ? 'reset' : 'unreachable', error);
  }

  #start(): void {
    if (this.#settled) return;
    this.#started = true;
    this.#options.body.sendTo(this.#sending);
  }

  #holdBack(facts: ProxyOutcome): void {
    this.#heldBack = facts;
    // What more is read of the body might be too much to be kept. Its connection is cut anyway.
    if (!this.#sending.isComplete) this.#settle(facts);
  }

  #passOn(reply: ReadReply, isFollowed: boolean): void {
    const { req, res, body, target } = this.#options;
    const chunked = reply.isChunked && req.httpVersion === '1.1';
    const contentType = contentTypeFor(req);
    const headers = reply.headersFor({ chunked, besides: target.headers, contentType });
    // Without the reply's own status text: it may hold bytes that must not be sent on.
    if (!this.#write(() => res.writeHead(reply.status, headers))) return;
    body.forget();
    if (reply.isEventStream) clearTimeout(this.#timer);
    // As latin1: flushHeaders would send bytes above 0x7f as UTF-8, https://github.com/nodejs/node/issues/1693.
    if (!isFollowed) this.#flush = setImmediate(() => res.write('', 'latin1'));
  }

  /** Writes headers of the function's, and fails when node does not take them. */
  #write(headers: () => void): boolean {
    try {
      headers();
      return true;
    } catch (error) {
      this.#fail('reset', error instanceof Error ? error : undefined);
      return false;
    }
  }

  #fail(failure: NonNullable<ProxyOutcome['failure']>, error?: Error): void {
    if (this.#settled) return;
    clearImmediate(this.#flush);
    this.#settle({ ...this.#facts(), failure, error });
    const { res } = this.#options;
    // A reply that stops in the middle must look broken to the caller, never complete.
    if (res.headersSent) res.destroy();
  }

  #facts(): ProxyOutcome {
    return {
      status: this.#reply?.status,
      wasSent: this.#started,
      canReplay: this.#options.body.canReplay,
      isIdempotent: isIdempotent(this.#options.req),
      onKeptConnection: this.#sending.onKeptConnection,
    };
  }

  #settle(outcome: ProxyOutcome): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#options.live.delete(this);
    if (this.#timer) clearTimeout(this.#timer);
    this.#stopWatchingCaller();
    this.#options.body.stop();
    // Also when the function has answered without reading all: what is left unsent must not stay on a kept connection.
    if (outcome.failure || !this.#sending.isComplete) this.#sending.destroy();
    this.#resolve(outcome);
  }
}
