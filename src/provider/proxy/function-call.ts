import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../base/log.ts';
import type { PlainAnswer } from '../../base/plain-line.ts';
import { monotonicMs } from '../../base/monotonic.ts';
import { fullName } from '../full-name.ts';
import { FunctionNotFoundError, internalHeaders, NoEndpointsError, ProviderError } from '../provider-errors.ts';
import type { Endpoint, ResolveOptions } from '../provider.ts';
import type { FunctionName } from '../types.ts';
import { splitFunctionUrl, type FunctionUrl } from './function-url.ts';
import { mayRetry, type Tries } from './may-retry.ts';
import type { ProxyOutcome, ProxyTarget } from './proxy.ts';

/** Finds an endpoint of a function that takes calls now, as `Provider.resolve` does. */
export type Resolve = (name: FunctionName, options: ResolveOptions) => Promise<Endpoint>;

/** Sends the call once; one road of a `Proxy` with the caller's side already given. */
type Send = (target: ProxyTarget) => Promise<ProxyOutcome>;

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

/** One invocation, from its arrival to its end. */
export class FunctionCall {
  /** Headers that name the call. */
  readonly headers: Record<string, string>;
  readonly #context: FunctionCallContext;
  readonly #send: Send;
  readonly #url?: FunctionUrl;
  readonly #endsMs: number;
  readonly #departed = new AbortController();
  readonly #tries: Tries = { brokenEndpoints: 0, resets: 0, isFresh: false };
  #watch?: { end(status: number): void };

  constructor(req: IncomingMessage, send: Send, context: FunctionCallContext) {
    this.headers = context.callHeaders?.(req) ?? {};
    this.#context = context;
    this.#send = send;
    this.#url = splitFunctionUrl(req.url ?? '', context);
    this.#endsMs = monotonicMs() + (context.upstreamTimeoutMs ?? Infinity);
  }

  /** True once the caller has left. */
  get isAbandoned(): boolean {
    return this.#departed.signal.aborted;
  }

  /** Stops what is done for the caller, which has left. */
  abandon(): void {
    this.#departed.abort();
  }

  /** Tells `onCall` that the call is over. */
  end(status: number): void {
    this.#watch?.end(status);
  }

  /**
   * Sends the call until the function has answered or it must not be sent again. Never rejects.
   * @returns what to tell the caller when the function has not answered it.
   */
  async run(): Promise<PlainAnswer | undefined> {
    const url = this.#url;
    if (!url) return noFunction;
    try {
      let outcome = await this.#tryOne(url);
      while (mayRetry(outcome, this.#tries) === 'another endpoint') {
        this.#tries.brokenEndpoints += 1;
        if (outcome.failure === 'reset') this.#tries.resets += 1;
        const next = await this.#tryOne(url).catch(unlessThereIsNone);
        if (!next) break;
        outcome = next;
      }
      return this.isAbandoned ? undefined : answerFor(outcome, url.name, this.#context);
    } catch (error) {
      if (error instanceof ProviderError) return error;
      if (!this.isAbandoned) this.#context.log.error('call failed', { function: fullName(url), error });
      return internalError;
    }
  }

  /** Takes one endpoint and gives it back, whatever happens between. */
  async #tryOne(url: FunctionUrl): Promise<ProxyOutcome> {
    const { resolve, resolveWaitMs: waitMs } = this.#context;
    const fn = { name: url.name, namespace: url.namespace };
    let endpoint: Endpoint;
    try {
      endpoint = await resolve(fn, { waitMs, signal: this.#departed.signal });
    } catch (error) {
      if (!(error instanceof FunctionNotFoundError)) this.#begin(fn);
      throw error;
    }
    this.#begin(fn);
    let outcome: ProxyOutcome = { failure: 'aborted' };
    try {
      if (!this.isAbandoned) outcome = await this.#sendTo(endpoint, url.path);
    } finally {
      const { status, watchdogError, failure } = outcome;
      endpoint.release({ status, watchdogError, failure });
    }
    const { failure, error } = outcome;
    if (failure && failure !== 'aborted') {
      const address = `${endpoint.hostname}:${endpoint.port}`;
      this.#context.log.warn('call to function broke', { function: fullName(url), address, failure, error });
    }
    return outcome;
  }

  /** The function is known to be there. */
  #begin(fn: FunctionName): void {
    this.#watch ??= this.#context.onCall?.(fn);
  }

  async #sendTo({ hostname, port, readySinceMs = -Infinity }: Endpoint, path: string): Promise<ProxyOutcome> {
    const { notReadyRetryMs = 10_000 } = this.#context;
    const { headers } = this;
    const tries = this.#tries;
    const holdsBack = (facts: ProxyOutcome) => mayRetry(facts, tries) !== 'no';
    let newConnection = false;
    for (let pauseMs = shortestPauseMs; ;) {
      const nowMs = monotonicMs();
      // A moment that is yet to come is one of another clock.
      tries.isFresh = readySinceMs <= nowMs && nowMs < readySinceMs + notReadyRetryMs;
      const timeoutMs = this.#timeLeftMs();
      const outcome = await this.#send({ hostname, port, path, headers, timeoutMs, newConnection, holdsBack });
      const retry = mayRetry(outcome, tries);
      if (retry === 'no' || retry === 'another endpoint') return outcome;
      newConnection = retry === 'same endpoint, new connection';
      if (newConnection) continue;
      await sleep(pauseMs, undefined, { signal: this.#departed.signal }).catch(() => {});
      if (this.isAbandoned) return { failure: 'aborted' };
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  }

  #timeLeftMs(): number | undefined {
    if (this.#endsMs === Infinity) return undefined;
    return Math.max(1, Math.ceil(this.#endsMs - monotonicMs()));
  }
}

/** The endpoint that broke the call may have been the last there was. */
function unlessThereIsNone(error: unknown): undefined {
  if (!(error instanceof NoEndpointsError)) throw error;
}

const noFunction = { status: 404, message: 'function not found: call /function/NAME or /function/NAME.NAMESPACE' };
const internalError = { status: 500, message: 'internal error: see the log', headers: internalHeaders };

function answerFor({ failure }: ProxyOutcome, name: string, options: FunctionCallOptions): PlainAnswer | undefined {
  const { unreachableStatus = 500, upstreamTimeoutMs = 0 } = options;
  if (failure === undefined || failure === 'aborted') return undefined;
  if (failure === 'timeout') {
    const message = `${name} did not answer within upstream_timeout (${upstreamTimeoutMs / 1000}s)`;
    return { status: 504, message, headers: internalHeaders };
  }
  return { status: unreachableStatus, message: `Can't reach service for: ${name}.`, headers: internalHeaders };
}
