import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLog, type Log } from '../../base/log.ts';
import { FunctionNotFoundError, internalHeaders, NoEndpointsError, ProviderError } from '../provider-errors.ts';
import type { Endpoint, ResolveOptions } from '../provider.ts';
import type { FunctionName } from '../types.ts';
import { answer, answerSocket, type Answer } from './answer.ts';
import { onCallerLeaves } from './caller.ts';
import { splitFunctionUrl, type FunctionUrl } from './function-url.ts';
import { hasUnknownCoding } from './headers.ts';
import { createHttpProxy } from './http-proxy.ts';
import type { Proxy, ProxyOutcome, ProxyTarget } from './proxy.ts';

export type Resolve = (name: FunctionName, options: ResolveOptions) => Promise<Endpoint>;

export interface FunctionProxyOptions {
  defaultNamespace: string;
  /** Limit for one call, answered 504; none unless given. Event streams and WebSockets are not cut by it. */
  upstreamTimeoutMs?: number;
  /** How long a call may wait for an endpoint. */
  resolveWaitMs?: number;
  /** Connections kept open to one endpoint while no call uses them. */
  maxIdleConnsPerHost?: number;
  /** Connections kept open in all while no call uses them. */
  maxIdleConns?: number;
  /** Answered when the function cannot be reached: faas-provider's 500 unless given, a gateway says 502. */
  unreachableStatus?: number;
  /** How long after its start a replica's watchdog may say that its process is not there yet, and is asked again. */
  notReadyRetryMs?: number;
  /** Headers that name a call, for the function and, unless it is an upgrade, for the caller. */
  callHeaders?: (req: IncomingMessage) => Record<string, string>;
  /** Told of each call once its function is known to be there; `end` gets the status that the caller saw, 499 if it left. */
  onCall?: (name: FunctionName) => { end(status: number): void };
  log?: Log;
  /** The road taken; tests give another. */
  proxy?: Proxy;
}

/** The handler of `/function/NAME[.NAMESPACE][/path][?query]`, on node's raw request so that no bytes are changed. */
export interface FunctionProxy {
  /** Settles when the call is over; never rejects. */
  web(req: IncomingMessage, res: ServerResponse): Promise<void>;
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
  close(): void;
}

export function functionProxy(resolve: Resolve, options: FunctionProxyOptions): FunctionProxy {
  const { maxIdleConns, maxIdleConnsPerHost, log = silentLog } = options;
  const proxy = options.proxy ?? createHttpProxy({ maxIdleConns, maxIdleConnsPerHost });

  async function answerTo(url: FunctionUrl | undefined, caller: Caller, send: Send): Promise<Answer | undefined> {
    if (!url) return noFunction;
    try {
      const outcome = await call(url, caller, send);
      return caller.signal.aborted ? undefined : answerFor(outcome, url, options);
    } catch (error) {
      if (error instanceof ProviderError) return error;
      if (!caller.signal.aborted) log.error('call failed', { function: `${url.name}.${url.namespace}`, error });
      return internalError;
    }
  }

  async function call(url: FunctionUrl, caller: Caller, send: Send): Promise<ProxyOutcome> {
    const endsMs = options.upstreamTimeoutMs === undefined ? undefined : Date.now() + options.upstreamTimeoutMs;
    let outcome = await callOne(url, caller, send, endsMs);
    let resets = 0;
    for (let tries = 1; tries < mostTries && outcome.canRetry; tries += 1) {
      // What two processes did not survive is not given to a third.
      if (outcome.failure === 'reset' && ++resets > 1) break;
      try {
        outcome = await callOne(url, caller, send, endsMs);
      } catch (error) {
        // The one that broke the call was the last there was.
        if (error instanceof NoEndpointsError) break;
        throw error;
      }
    }
    return outcome;
  }

  /** Takes one endpoint and gives it back, whatever happens between. */
  async function callOne(url: FunctionUrl, caller: Caller, send: Send, endsMs?: number): Promise<ProxyOutcome> {
    const { name, namespace, path } = url;
    const { signal } = caller;
    const endpoint = await resolveFor(url, caller);
    let outcome: ProxyOutcome = { failure: 'aborted' };
    try {
      if (!signal.aborted) outcome = await sendUntilReady(endpoint, path, signal, send, endsMs);
    } finally {
      const { status, watchdogError, failure } = outcome;
      endpoint.release({ status, watchdogError, failure });
    }
    if (outcome.failure && outcome.failure !== 'aborted') {
      const { failure, error } = outcome;
      const address = `${endpoint.hostname}:${endpoint.port}`;
      log.warn('call to function broke', { function: `${name}.${namespace}`, address, failure, error });
    }
    return outcome;
  }

  async function resolveFor({ name, namespace }: FunctionUrl, caller: Caller): Promise<Endpoint> {
    try {
      const endpoint = await resolve({ name, namespace }, { waitMs: options.resolveWaitMs, signal: caller.signal });
      caller.watch ??= options.onCall?.({ name, namespace });
      return endpoint;
    } catch (error) {
      if (!(error instanceof FunctionNotFoundError)) caller.watch ??= options.onCall?.({ name, namespace });
      throw error;
    }
  }

  async function sendUntilReady(
    { hostname, port, readySinceMs = 0 }: Endpoint,
    path: string,
    signal: AbortSignal,
    send: Send,
    endsMs?: number,
  ): Promise<ProxyOutcome> {
    const { notReadyRetryMs = 10_000 } = options;
    for (let pauseMs = 25; ; pauseMs = Math.min(pauseMs * 2, 400)) {
      const holdNotReady = Date.now() < readySinceMs + notReadyRetryMs;
      const timeoutMs = endsMs === undefined ? undefined : Math.max(1, endsMs - Date.now());
      const outcome = await send({ hostname, port, path, timeoutMs, holdNotReady });
      if (outcome.failure || !outcome.canRetry) return outcome;
      await sleep(pauseMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return { failure: 'aborted' };
    }
  }

  return {
    async web(req, res) {
      res.on('error', (error) => log.debug('reply broke', { error }));
      const departed = new AbortController();
      const headers = options.callHeaders?.(req) ?? {};
      for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
      const stopWatching = onCallerLeaves(req, res, () => departed.abort());
      const caller: Caller = { signal: departed.signal };
      const url = splitFunctionUrl(req.url ?? '', options);
      const own = hasUnknownCoding(req)
        ? unknownCoding
        : await answerTo(url, caller, (target) => proxy.web(req, res, { ...target, headers }));
      stopWatching();
      if (own && !departed.signal.aborted) answer(req, res, own);
      caller.watch?.end(res.headersSent ? res.statusCode : callerLeft);
    },

    async upgrade(req, socket, head) {
      socket.on('error', (error) => log.debug('caller of an upgrade broke', { error }));
      const departed = new AbortController();
      const onClose = () => departed.abort();
      socket.once('close', onClose);
      const caller: Caller = { signal: departed.signal };
      const url = splitFunctionUrl(req.url ?? '', options);
      const headers = options.callHeaders?.(req);
      const own = await answerTo(url, caller, (target) => proxy.upgrade(req, socket, head, { ...target, headers }));
      socket.off('close', onClose);
      if (own && !departed.signal.aborted) answerSocket(socket, own);
      caller.watch?.end(own?.status ?? switchingProtocols);
    },

    close: () => proxy.close(),
  };
}

/** One call, from its arrival to its end. */
interface Caller {
  /** Aborts when the caller leaves. */
  signal: AbortSignal;
  watch?: { end(status: number): void };
}

/** A replica that dies breaks a call on a kept connection, then refuses the next: the third finds another or waits for one. */
const mostTries = 3;

/** As nginx logs it: the caller closed the connection before there was an answer. */
const callerLeft = 499;
const switchingProtocols = 101;

type Send = (target: ProxyTarget) => Promise<ProxyOutcome>;

const noFunction: Answer = {
  status: 404,
  message: 'function not found: call /function/NAME or /function/NAME.NAMESPACE',
};

const unknownCoding: Answer = {
  status: 501,
  message: 'send the body with Transfer-Encoding: chunked, or Content-Length',
};

const internalError: Answer = { status: 500, message: 'internal error: see the log', headers: internalHeaders };

function answerFor(outcome: ProxyOutcome, { name }: FunctionUrl, options: FunctionProxyOptions): Answer | undefined {
  const { unreachableStatus = 500, upstreamTimeoutMs = 0 } = options;
  const { failure } = outcome;
  if (failure === undefined || failure === 'aborted') return undefined;
  if (failure === 'timeout') {
    const message = `${name} did not answer within upstream_timeout (${upstreamTimeoutMs / 1000}s)`;
    return { status: 504, message, headers: internalHeaders };
  }
  return { status: unreachableStatus, message: `Can't reach service for: ${name}.`, headers: internalHeaders };
}
