import type { HeaderList, ReplyHead } from './headers.ts';

/** One request on its way to a function, whatever road it takes. Nothing of it is sent before `onConnected`. */
export interface Sending {
  /** The connection has been kept from an earlier call. */
  readonly onKeptConnection: boolean;
  /** Everything has been given to the connection. */
  readonly isComplete: boolean;
  begin(listener: SendingListener): void;
  /** Sends a piece of the body, the headers before the first. Returns false when the function takes no more: see `onDrain`. */
  write(chunk: Buffer): boolean;
  /** Sends the headers though there is no body yet. */
  flushHead(): void;
  /** Sends the end of the body; `trailers` are for a chunked one. */
  end(trailers: HeaderList): void;
  /** Stops reading the reply for a while. */
  pause(): void;
  resume(): void;
  /** Cuts the connection. The listener is told nothing more that it must heed. */
  destroy(): void;
}

/** What a request is told of its sending. After `onEnd` or `onBroken` nothing more that matters comes. */
export interface SendingListener {
  onConnected(): void;
  onDrain(): void;
  /** An interim reply came, which is not the answer yet. */
  onInterim(head: ReplyHead): void;
  /** @param isFollowed what comes behind it is there already. Not every road knows it. */
  onHead(head: ReplyHead, isFollowed: boolean): void;
  /**
   * @param isLast no more comes; `onEnd` follows at once. Not every road knows it. A last piece of up to `smallBytes` may
   * be overwritten once this has returned.
   */
  onData(chunk: Buffer, isLast: boolean): void;
  onEnd(trailers: HeaderList): void;
  onBroken(error: Error): void;
}

/** A piece of a body of up to this size is copied, to go out in one write with what is around it. */
export const smallBytes = 8 * 1024;
