import { Agent, request, type IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { describeError } from '../../base/log.ts';
import { monotonicMs } from '../../base/monotonic.ts';
import { fullName, ownHeaderBytes } from '../../provider/index.ts';
import { AnswerBody } from './answer-body.ts';
import { QueueUnreachableError } from './queue-errors.ts';
import type { TakenCall } from './queue.ts';
import type { AttemptOutcome } from './retry-plan.ts';

export interface CallSenderOptions {
  /** The unix socket at which this gateway's functions are called. */
  socketPath: string;
  /** Where answers are kept until they have been posted; it must be there. */
  folder: string;
  /** The longest answer that is posted to a callback. */
  answerLimitBytes: number;
}

export interface SendOptions {
  /** Aborting it ends the call, and the function's work. */
  signal: AbortSignal;
  /** Keeps the answer, if it is small. */
  keepsResult: boolean;
}

/** How a call went, and its answer, for whoever closes it. */
export interface MadeCall extends AttemptOutcome {
  /** Name, value, name, value…, as Node's. */
  rawHeaders: string[];
  durationMs: number;
  body: AnswerBody;
}

/** Longer answers are not kept with their calls. */
const resultLimitBytes = 64 * 1024;

/** Makes calls of functions by the road of any caller: HTTP, at this gateway's own socket. */
export class CallSender {
  readonly #options: CallSenderOptions;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(options: CallSenderOptions) {
    this.#options = options;
  }

  /**
   * Makes a call once. There is no time limit but the gateway's own. Rejects with the signal's reason when it aborts, and with
   * QueueUnreachableError where what is to be sent cannot be read.
   */
  async send(call: TakenCall, { signal, keepsResult }: SendOptions): Promise<MadeCall> {
    const { folder, answerLimitBytes } = this.#options;
    const [beganMs, startedMs] = [Date.now(), monotonicMs()];
    const body = new AnswerBody(
      folder,
      call.url === undefined ? (keepsResult ? resultLimitBytes : 0) : answerLimitBytes,
    );
    const times = () => ({ beganMs, endedMs: Date.now(), durationMs: monotonicMs() - startedMs });
    try {
      const response = await this.#ask(call, signal);
      // To the end, kept or not: a function whose answer is not read is taken for one that nobody waits for.
      for await (const chunk of response as AsyncIterable<Buffer>) await body.write(chunk);
      return { ...answerOf(response), ...tooLong(call, body, answerLimitBytes), body, ...times() };
    } catch (error) {
      await body.close();
      signal.throwIfAborted();
      if (error instanceof QueueUnreachableError) throw error;
      return { error: describeError(error), isPlatform: true, rawHeaders: [], body, ...times() };
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #ask(call: TakenCall, signal: AbortSignal): Promise<IncomingMessage> {
    const answered = Promise.withResolvers<IncomingMessage>();
    const sent = request({
      socketPath: this.#options.socketPath,
      agent: this.#agent,
      method: 'POST',
      maxHeaderSize: ownHeaderBytes,
      path: `/function/${fullName(call.fn)}${call.path}`,
      headers: [...call.headers.flat(), 'Host', 'gateway', 'Content-Length', String(call.bodyBytes)],
      signal,
    });
    sent.once('response', answered.resolve);
    // They go on to come once there is an answer, as where it was given before the body was taken whole.
    sent.on('error', answered.reject);
    if (call.bodyBytes === 0) sent.end();
    else pipeline(call.body(), sent).catch(answered.reject);
    return answered.promise;
  }
}

function answerOf({ statusCode, headers, rawHeaders }: IncomingMessage) {
  const isPlatform = headers['x-openfaas-internal'] !== undefined;
  return { status: statusCode, retryAfter: headers['retry-after'], isPlatform, rawHeaders };
}

/** Half an answer must not be posted as if it were one. */
function tooLong(call: TakenCall, body: AnswerBody, limitBytes: number): Partial<AttemptOutcome> {
  if (call.url === undefined || body.isWhole) return {};
  return {
    isFinal: true,
    error: `its answer has ${body.bytes} bytes, and ${limitBytes} may be posted (async_body_limit)`,
  };
}
