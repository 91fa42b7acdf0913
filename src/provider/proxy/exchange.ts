import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { onCallerLeaves } from './caller.ts';
import {
  isChunked,
  isEventStream,
  isIdempotent,
  isNotReady,
  isWatchdogError,
  replyHeaders,
  trailers,
} from './headers.ts';
import type { ProxyOutcome, ProxyTarget } from './proxy.ts';
import type { RequestBody } from './request-body.ts';

export interface ExchangeOptions {
  req: IncomingMessage;
  res: ServerResponse;
  body: RequestBody;
  target: ProxyTarget;
  connectTimeoutMs: number;
}

/** One request to one function and its reply. Settles exactly once, whichever side goes first, and then holds nothing. */
export class Exchange {
  readonly outcome: Promise<ProxyOutcome>;
  readonly #request: ClientRequest;
  readonly #options: ExchangeOptions;
  readonly #stopWatchingCaller: () => void;
  readonly #timer?: NodeJS.Timeout;
  #resolve: (outcome: ProxyOutcome) => void = () => {};
  #settled = false;
  #connected = false;
  #started = false;
  #reply?: IncomingMessage;
  #connectTimer?: NodeJS.Timeout;

  /** @param request not sent yet: its body is `options.body`. */
  constructor(request: ClientRequest, options: ExchangeOptions) {
    const { req, res, target } = options;
    this.#request = request;
    this.#options = options;
    this.outcome = new Promise((resolve) => (this.#resolve = resolve));
    this.#stopWatchingCaller = onCallerLeaves(req, res, () => this.#fail('aborted'));
    request
      .once('socket', (socket) => this.#onSocket(socket))
      .once('response', (reply) => this.#onReply(reply))
      .on('error', (error) => this.#onRequestError(error))
      .once('close', () => this.#onRequestError(new Error('the connection closed without an answer')));
    const { timeoutMs } = target;
    if (timeoutMs !== undefined) this.#timer = setTimeout(() => this.#fail('timeout'), timeoutMs);
  }

  #onSocket(socket: Socket): void {
    // The agent's idle time limit is for free sockets; https://github.com/nodejs/node/issues/53458.
    socket.setTimeout(0);
    if (socket.connecting) {
      const tooLong = () => this.#fail('unreachable', new Error('connecting took too long'));
      this.#connectTimer = setTimeout(tooLong, this.#options.connectTimeoutMs);
      socket.once('connect', () => this.#start());
      return;
    }
    this.#connected = true;
    // A kept connection may have been closed by the function in this very moment. One turn of the event loop shows
    // it while nothing is sent, so that also a POST can safely go over another one.
    if (this.#request.reusedSocket && !isIdempotent(this.#options.req)) setImmediate(() => this.#start());
    else this.#start();
  }

  #start(): void {
    clearTimeout(this.#connectTimer);
    this.#connected = true;
    if (this.#settled || this.#request.destroyed) return;
    this.#started = true;
    this.#options.body.sendTo(this.#request);
  }

  #onRequestError(error: Error): void {
    // Once it answers, the reply tells how it goes on: a 413 may come while the upload breaks.
    if (this.#reply) return;
    this.#fail(this.#connected ? 'reset' : 'unreachable', error);
  }

  #onReply(reply: IncomingMessage): void {
    if (this.#settled) return void reply.destroy();
    const status = reply.statusCode ?? 0;
    // 101 that nobody asked for; node has taken the other 1xx.
    if (status < 200) return this.#fail('reset', new Error(`status ${status} is no answer`));
    this.#reply = reply;
    if (!isNotReady(reply)) return this.#passOn(reply, status);
    const facts = { ...this.#facts(), watchdogError: true, isNotReady: true };
    if (this.#options.target.holdsBack?.(facts)) this.#holdBack(reply, facts);
    else this.#passOn(reply, status);
  }

  #holdBack(reply: IncomingMessage, facts: ProxyOutcome): void {
    const done = () => this.#settle(facts);
    reply.once('end', done).once('close', done).on('error', done).resume();
    // What more is read of the body might be too much to be kept. Its connection is cut anyway.
    if (!this.#request.writableEnded) done();
  }

  #passOn(reply: IncomingMessage, status: number): void {
    const { req, res, body } = this.#options;
    const chunked = isChunked(reply) && req.httpVersion === '1.1';
    try {
      // Without the reply's own status text: it may hold bytes that must not be sent on.
      res.writeHead(status, replyHeaders(reply, { chunked }));
    } catch (error) {
      return this.#fail('reset', error instanceof Error ? error : undefined);
    }
    body.forget();
    if (isEventStream(reply.headers)) clearTimeout(this.#timer);

    const flush = setImmediate(() => res.flushHeaders());
    reply
      .once('data', () => clearImmediate(flush))
      .on('error', (error) => this.#fail('reset', error))
      .once('close', () => this.#fail('reset'))
      .once('end', () => {
        clearImmediate(flush);
        if (chunked) res.addTrailers(trailers(reply));
        res.end();
        this.#settle({ status, watchdogError: isWatchdogError(reply) });
        // What the function did not want of the body is dropped, so that the caller's connection can go on.
        req.resume();
      })
      .pipe(res, { end: false });
  }

  #fail(failure: NonNullable<ProxyOutcome['failure']>, error?: Error): void {
    if (this.#settled) return;
    this.#settle({ ...this.#facts(), failure, error });
    const { res } = this.#options;
    // A reply that stops in the middle must look broken to the caller, never complete.
    if (res.headersSent) res.destroy();
  }

  #facts(): ProxyOutcome {
    return {
      status: this.#reply?.statusCode,
      wasSent: this.#started,
      canReplay: this.#options.body.canReplay,
      isIdempotent: isIdempotent(this.#options.req),
      onKeptConnection: this.#request.reusedSocket,
    };
  }

  #settle(outcome: ProxyOutcome): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#connectTimer);
    this.#stopWatchingCaller();
    this.#options.body.stop();
    // Also when the function has answered without reading all: what is left unsent must not stay on a kept connection.
    if (outcome.failure || !this.#request.writableEnded) this.#request.destroy();
    this.#resolve(outcome);
  }
}
