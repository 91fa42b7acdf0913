import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { LookupAddress } from 'node:dns';
import { describeError } from '../../base/log.ts';
import { ownHeaderBytes } from '../../provider/index.ts';
import { CallbackRefusedError, type CallbackAddresses } from './callback-address.ts';
import { QueueUnreachableError } from './queue-errors.ts';
import type { Attempt, TakenCall } from './queue.ts';

export interface CallbackSenderOptions {
  addresses: CallbackAddresses;
  /** The unix socket at which this gateway's functions are called. */
  socketPath: string;
  /** Is told whom it talks to. */
  userAgent: string;
  /** How long a server elsewhere may say and take nothing; ten times that is the limit of all. */
  timeoutMs?: number;
}

/** How posting an answer went. */
export interface CallbackOutcome extends Attempt {
  retryAfter?: string;
  /** Trying again leads nowhere. */
  isFinal?: boolean;
}

const defaultTimeoutMs = 60_000;
const mostTimeouts = 10;
const mostAnswerBytes = 1024 * 1024;

/** Posts answers of calls to where their callers asked for them. */
export class CallbackSender {
  readonly #options: CallbackSenderOptions;

  constructor(options: CallbackSenderOptions) {
    this.#options = options;
  }

  /** Posts once. Redirects are not followed; of the answer nothing is kept but its status. Rejects as a call's sender does. */
  async send(call: TakenCall, signal: AbortSignal): Promise<CallbackOutcome> {
    const beganMs = Date.now();
    try {
      const { statusCode: status = 0, headers } = await this.#post(call, signal);
      const outcome = { status, retryAfter: headers['retry-after'], beganMs, endedMs: Date.now() };
      if (status < 300 || status > 399) return outcome;
      return { ...outcome, error: 'it answered with a redirect, and callbacks follow none', isFinal: true };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof QueueUnreachableError) throw error;
      const isFinal = error instanceof CallbackRefusedError;
      return { error: describeError(error), isFinal, beganMs, endedMs: Date.now() };
    }
  }

  async #post(call: TakenCall, signal: AbortSignal): Promise<http.IncomingMessage> {
    const { addresses, socketPath, userAgent } = this.#options;
    const address = addresses.parse(call.url ?? '');
    const own = ['User-Agent', userAgent, 'Content-Length', String(call.bodyBytes)];
    const headers = (host: string) => [...call.headers.flat(), ...own, 'Host', host];
    if ('url' in address) return this.#postElsewhere(address.url, call, { headers: headers(address.url.host), signal });
    const options = {
      socketPath,
      path: address.path,
      headers: headers('gateway'),
      signal,
      method: 'POST',
      agent: false,
      maxHeaderSize: ownHeaderBytes,
    };
    // The function works until its answer has been read.
    return answerTo(http.request(options), call, Infinity);
  }

  async #postElsewhere(
    url: URL,
    call: TakenCall,
    { headers, signal }: { headers: string[]; signal: AbortSignal },
  ): Promise<http.IncomingMessage> {
    const { addresses, timeoutMs = defaultTimeoutMs } = this.#options;
    const late = AbortSignal.timeout(mostTimeouts * timeoutMs);
    const either = AbortSignal.any([signal, late]);
    try {
      const lookup = pinnedTo(await until(addresses.addressesOf(url), either));
      const options = { headers, signal: either, lookup, method: 'POST', agent: false, timeout: timeoutMs };
      const request = (url.protocol === 'https:' ? https : http).request(url, options);
      request.once('timeout', () => request.destroy(new Error(`nothing came or went for ${timeoutMs / 1000} s`)));
      return await answerTo(request, call, mostAnswerBytes);
    } catch (error) {
      if (!late.aborted) throw error;
      throw new Error(`it was not done within ${(mostTimeouts * timeoutMs) / 1000} s`, { cause: error });
    }
  }
}

/** Sends the body, and resolves with the head of the answer once that has been read as well, or as much as is read of it. */
async function answerTo(
  request: http.ClientRequest,
  call: TakenCall,
  mostBytes: number,
): Promise<http.IncomingMessage> {
  const answered = Promise.withResolvers<http.IncomingMessage>();
  request.once('response', answered.resolve);
  // They go on to come once there is an answer, as where it was given before the body was taken whole.
  request.on('error', answered.reject);
  pipeline(call.body(), request).catch(answered.reject);
  try {
    const response = await answered.promise;
    await readAway(response, mostBytes).catch(() => undefined);
    return response;
  } finally {
    request.destroy();
  }
}

async function readAway(response: http.IncomingMessage, mostBytes: number): Promise<void> {
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostBytes) return;
  }
}

/** Leads a connection to addresses that were checked. */
function pinnedTo(addresses: LookupAddress[]): LookupFunction {
  const [first] = addresses;
  return (_name, { all }, callback) => {
    if (first === undefined) callback(new Error('its name has no address'), []);
    else if (all) callback(null, addresses);
    else callback(null, first.address, first.family);
  };
}

/** Waits no longer for what cannot be ended. */
async function until<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason as Error);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
