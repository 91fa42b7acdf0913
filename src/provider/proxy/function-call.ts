import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../base/log.ts';
import type { PlainAnswer } from '../../base/plain-line.ts';
import { monotonicMs } from '../../base/monotonic.ts';
import { fullName } from '../full-name.ts';
import { FunctionNotFoundError, internalHeaders, NoEndpointsError, ProviderError } from '../provider-errors.ts';
import type { Endpoint, ResolveOptions } from '../provider.ts';
import type { TrustedProxies } from '../trusted-proxies.ts';
import type { FunctionName } from '../types.ts';
import { splitFunctionUrl, type FunctionUrl } from './function-url.ts';
import { mayRetry, type Retry, type Tries } from './may-retry.ts';
import type { ProxyOutcome, ProxyTarget } from './proxy.ts';

/** Finds an endpoint of a function that takes calls now, as `Provider.resolve` does. */
export type Resolve = (name: FunctionName, options: ResolveOptions) => Promise<Endpoint> | Endpoint;

/** Who called, and by which road of a `Proxy` the call is sent. */
export interface Caller {
  /** Sends the call once, and finds out by itself when the caller leaves meanwhile. */
  send(target: ProxyTarget): Promise<ProxyOutcome>;
  /** Calls `listener` when the caller leaves. Returns what stops the listening. */
  onLeave(listener: () => void): () => void;
  /** Tells the caller what the function has not, if it is there to be told. Returns the status that it saw. */
  finish(answer: PlainAnswer | undefined): number;
}

/** How calls are made; the same for all of them. */
export interface FunctionCallOptions {
  /** The namespace of a function that is called by its name alone. */
  defaultNamespace: string;
  /** Limit for one call, answered 504; none unless given. Event streams and WebSockets are not cut by it. */
  upstreamTimeoutMs?: number;
  /** How long a call may wait for an endpoint. */
  resolveWaitMs?: number;
  /** Answered when the function cannot be reached: faas-provider's 500 unless given, a gateway says 502. */
  unreachableStatus?: number;
  /** How long after a replica began to take calls its watchdog may say "not ready" and is asked again; 10 s unless given. */
  notReadyRetryMs?: number;
  /** Whose word on the caller functions are told, such as X-Forwarded-For; anybody's when absent. */
  trustedProxies?: TrustedProxies;
  /** Returns headers that name a call, for the function and for the caller. */
  callHeaders?: (req: IncomingMessage) => Record<string, string>;
  /** Told of each call once its function is known to be there; `end` gets the status that the caller saw, 499 if it left. */
  onCall?: (name: FunctionName) => { end(status: number): void };
}

export interface FunctionCallContext extends FunctionCallOptions {
  resolve: Resolve;
  log: Log;
}

const shortestPauseMs = 25;
const longestPauseMs = 400;

const aborted: ProxyOutcome = { failure: 'aborted' };

/** One invocation, from its arrival to its end. It is what `resolve` is told of it. */
export class FunctionCall implements ResolveOptions {
  /** Headers that name the call. */
  readonly headers: Record<string, string>;
  readonly waitMs?: number;
  readonly #context: FunctionCallContext;
  readonly #caller: Caller;
  readonly #wholePath: string;
  readonly #url?: FunctionUrl;
  readonly #endsMs: number;
  readonly #tries: Tries = { brokenEndpoints: 0, resets: 0, isFresh: false };
  readonly #holdsBack = (facts: ProxyOutcome) => mayRetry(facts, this.#tries) !== 'no';
  #pauseMs = shortestPauseMs;
  #isAbandoned = false;
  #departed?: AbortController;
  #stopWatching?: () => void;
  #endpoint?: Endpoint;
  #watch?: { end(status: number): void };

  constructor(req: IncomingMessage, caller: Caller, context: FunctionCallContext) {
    const { callHeaders, resolveWaitMs, upstreamTimeoutMs } = context;
    this.headers = callHeaders?.(req) ?? {};
    this.waitMs = resolveWaitMs;
    this.#context = context;
    this.#caller = caller;
    this.#wholePath = req.url ?? '';
    this.#url = splitFunctionUrl(this.#wholePath, context);
    this.#endsMs = upstreamTimeoutMs === undefined ? Infinity : monotonicMs() + upstreamTimeoutMs;
  }

  /** True once the caller is known to have left. */
  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  /** Aborts when the caller leaves, which is only looked after once somebody asks: most calls wait for nothing. */
  get signal(): AbortSignal {
    if (!this.#departed) {
      this.#departed = new AbortController();
      if (this.#isAbandoned) this.#departed.abort();
      this.#stopWatching = this.#caller.onLeave(() => this.abandon());
    }
    return this.#departed.signal;
  }

  /** Stops what is done for the caller, which has left. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#departed?.abort();
  }

  /** Answers a call that is not sent. */
  refuse({ status, message, headers }: PlainAnswer): void {
    this.#finish({ status, message, headers: { ...this.headers, ...headers } });
  }

  /**
   * Sends the call until the function has answered or it must not be sent again, and answers it otherwise. Never rejects. All
   * in one function: each that is waited for costs a call as much as reading its headers.
   */
  async run(): Promise<void> {
    const url = this.#url;
    if (!url) return this.refuse(noFunction);
    let outcome = aborted;
    let answer: PlainAnswer | undefined;
    try {
      for (let next: Retry = 'another endpoint'; next !== 'no'; next = this.#goOn(outcome, url)) {
        if (next === 'another endpoint') {
          const found = this.#context.resolve({ name: url.name, namespace: url.namespace }, this);
          this.#endpoint = 'then' in found ? await found : found;
          this.#begin(url);
        } else if (next === 'same endpoint, after a pause') await this.#pause();
        const newConnection = next === 'same endpoint, new connection';
        outcome = this.#isAbandoned ? aborted : await this.#caller.send(this.#target(url.path, newConnection));
      }
      answer = answerFor(outcome, url.name, this.#context);
    } catch (error) {
      answer = this.#answerForError(error, outcome, url);
    }
    this.#stopWatching?.();
    if (answer && !this.#isAbandoned) this.refuse(answer);
    else this.#finish(undefined);
  }

  #finish(answer: PlainAnswer | undefined): void {
    const status = this.#caller.finish(answer);
    this.#watch?.end(status);
  }

  /** The function is known to be there. */
  #begin({ name, namespace }: FunctionName): void {
    this.#watch ??= this.#context.onCall?.({ name, namespace });
  }

  #target(functionPath: string, newConnection: boolean): ProxyTarget {
    const { hostname = '', port = 0, readySinceMs = -Infinity, isGateway = false } = this.#endpoint ?? {};
    const path = isGateway ? this.#wholePath : functionPath;
    const { notReadyRetryMs = 10_000, trustedProxies } = this.#context;
    const nowMs = monotonicMs();
    // A moment that is yet to come is one of another clock.
    this.#tries.isFresh = readySinceMs <= nowMs && nowMs < readySinceMs + notReadyRetryMs;
    const timeoutMs = this.#endsMs === Infinity ? undefined : Math.max(1, Math.ceil(this.#endsMs - nowMs));
    const { headers } = this;
    const holdsBack = this.#holdsBack;
    return { hostname, port, path, headers, trustedProxies, timeoutMs, newConnection, holdsBack };
  }

  /** Says how the call goes on; its endpoint is given back unless it is asked again. */
  #goOn(outcome: ProxyOutcome, url: FunctionUrl): Retry {
    const retry = mayRetry(outcome, this.#tries);
    if (retry !== 'no' && retry !== 'another endpoint') return retry;
    this.#giveBack(outcome, url);
    if (retry === 'another endpoint') {
      this.#tries.brokenEndpoints += 1;
      if (outcome.failure === 'reset') this.#tries.resets += 1;
      this.#pauseMs = shortestPauseMs;
    }
    return retry;
  }

  #giveBack({ status, watchdogError, failure, error }: ProxyOutcome, url: FunctionUrl): void {
    const endpoint = this.#endpoint;
    if (!endpoint) return;
    this.#endpoint = undefined;
    endpoint.release({ status, watchdogError, failure });
    // Those that are cut are counted and said together.
    if (!failure || failure === 'aborted' || failure === 'cut') return;
    const address = `${endpoint.hostname}:${endpoint.port}`;
    this.#context.log.warn('call to function broke', { function: fullName(url), address, failure, error });
  }

  async #pause(): Promise<void> {
    await sleep(this.#pauseMs, undefined, { signal: this.signal }).catch(() => {});
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
  }

  /** What went wrong was said by `resolve`, or is nobody's fault but ours. */
  #answerForError(error: unknown, before: ProxyOutcome, url: FunctionUrl): PlainAnswer | undefined {
    this.#giveBack(aborted, url);
    if (!(error instanceof FunctionNotFoundError)) this.#begin(url);
    // The endpoint that broke the call may have been the last there was.
    if (this.#tries.brokenEndpoints > 0 && error instanceof NoEndpointsError)
      return answerFor(before, url.name, this.#context);
    if (error instanceof ProviderError) return error;
    if (!this.#isAbandoned) this.#context.log.error('call failed', { function: fullName(url), error });
    return internalError;
  }
}

const noFunction = { status: 404, message: 'function not found: call /function/NAME or /function/NAME.NAMESPACE' };
const internalError = { status: 500, message: 'internal error: see the log', headers: internalHeaders };

function answerFor({ failure }: ProxyOutcome, name: string, options: FunctionCallOptions): PlainAnswer | undefined {
  const { unreachableStatus = 500, upstreamTimeoutMs = 0 } = options;
  if (failure === undefined || failure === 'aborted') return undefined;
  if (failure === 'cut') {
    const message = `${name} had not answered when the gateway was restarted: try again`;
    return { status: 503, message, headers: { ...internalHeaders, 'Retry-After': '1' } };
  }
  if (failure === 'timeout') {
    const message = `${name} did not answer within upstream_timeout (${upstreamTimeoutMs / 1000}s)`;
    return { status: 504, message, headers: internalHeaders };
  }
  return { status: unreachableStatus, message: `Can't reach service for: ${name}.`, headers: internalHeaders };
}
