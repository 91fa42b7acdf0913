import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { pairs, replyHead, type HeaderList } from './headers.ts';
import { readFraming } from './reply-head.ts';
import type { Sending, SendingListener } from './sending.ts';

/** A sending over a request of node's own HTTP client. */
export class ClientSending implements Sending {
  readonly #request: ClientRequest;
  #reply?: IncomingMessage;
  #isBegun = false;

  /** @param request not sent yet. */
  constructor(request: ClientRequest) {
    this.#request = request;
  }

  get onKeptConnection(): boolean {
    return this.#request.reusedSocket;
  }

  get isComplete(): boolean {
    return this.#request.writableEnded;
  }

  begin(listener: SendingListener): void {
    // Once it answers, the reply tells how it goes on: a 413 may come while the upload breaks.
    const onBroken = (error: Error) => {
      if (!this.#reply) listener.onBroken(error);
    };
    this.#request
      .once('socket', (socket) => awaitConnection(socket, listener))
      .on('information', ({ statusCode: status, rawHeaders: headers }) =>
        listener.onInterim(replyHead(status, headers)),
      )
      .once('response', (reply) => this.#onReply(reply, listener))
      .on('drain', () => listener.onDrain())
      .on('error', onBroken)
      .once('close', () => onBroken(new Error('the connection closed without an answer')));
  }

  write(chunk: Buffer): boolean {
    this.#isBegun = true;
    return this.#request.write(chunk);
  }

  flushHead(): void {
    this.#isBegun = true;
    // As latin1: flushHeaders would send bytes above 0x7f as UTF-8, https://github.com/nodejs/node/issues/1693.
    this.#request.write('', 'latin1');
  }

  end(trailers: HeaderList): void {
    this.#isBegun = true;
    if (trailers.length > 0) this.#request.addTrailers(pairs(trailers));
    this.#request.end();
  }

  pause(): void {
    this.#reply?.pause();
  }

  resume(): void {
    this.#reply?.resume();
  }

  destroy(): void {
    this.#request.destroy();
  }

  #onReply(reply: IncomingMessage, listener: SendingListener): void {
    this.#reply = reply;
    const head = replyHead(reply.statusCode ?? 0, reply.rawHeaders);
    try {
      // On a connection of an earlier call: it may be an answer of that one.
      if (this.onKeptConnection && !this.#isBegun) throw new Error('the function spoke before it was asked');
      // Node's parser is told to be lenient, so what it lets pass is looked at here.
      readFraming(head, { method: this.#request.method, isHttp10: false });
    } catch (error) {
      return listener.onBroken(error instanceof Error ? error : new Error(String(error)));
    }
    listener.onHead(head, false);
    reply
      .on('data', (chunk: Buffer) => listener.onData(chunk, false))
      .on('error', (error) => listener.onBroken(error))
      .once('close', () => listener.onBroken(new Error('the reply broke off')))
      .once('end', () => listener.onEnd(reply.rawTrailers));
  }
}

function awaitConnection(socket: Socket, listener: SendingListener): void {
  // The agent's idle time limit is for free sockets; https://github.com/nodejs/node/issues/53458.
  socket.setTimeout(0);
  if (socket.connecting) socket.once('connect', () => listener.onConnected());
  else listener.onConnected();
}
