import type { IncomingMessage, ServerResponse } from 'node:http';
import { silentLog, type Log } from '../../base/log.ts';
import { answerPlain, answerSocket, type PlainAnswer } from '../../base/plain-line.ts';
import type { RawHandler } from '../handlers.ts';
import {
  FunctionCall,
  type Caller,
  type FunctionCallContext,
  type FunctionCallOptions,
  type Resolve,
} from './function-call.ts';
import { hasCallerLeft, onCallerLeaves } from './caller.ts';
import { hasUnknownCoding } from './headers.ts';
import type { Proxy, ProxyOutcome, ProxyTarget } from './proxy.ts';
import type { RoadOptions } from './road.ts';
import { createRoad, type RoadName } from './roads.ts';

export interface FunctionProxyOptions
  extends FunctionCallOptions, Pick<RoadOptions, 'maxIdleConns' | 'maxIdleConnsPerHost' | 'idleConnTimeoutMs'> {
  log?: Log;
  /** The road that calls take; `fast` unless given. */
  proxy?: RoadName | Proxy;
}

/** The handler of `/function/NAME[.NAMESPACE][/path][?query]`. Its promises settle when the call is over, and never reject. */
export type FunctionProxy = Required<RawHandler>;

/** The status for a caller that left before there was an answer, as nginx logs it. */
const callerLeft = 499;
const switchingProtocols = 101;

const unknownCoding: PlainAnswer = {
  status: 501,
  message: 'send the body with Transfer-Encoding: chunked, or Content-Length',
};

/** Makes the handler of calls; `resolve` finds an endpoint for each. */
export function functionProxy(resolve: Resolve, options: FunctionProxyOptions): FunctionProxy {
  const { log = silentLog, proxy: road = 'fast' } = options;
  const proxy = typeof road === 'string' ? createRoad(road, options) : road;
  const context: FunctionCallContext = { ...options, resolve, log };

  const onResponseError = (error: Error) => log.debug('connection to the caller broke', { error });

  return {
    forwardsExpect: true,

    web(req, res) {
      res.on('error', onResponseError);
      const call = new FunctionCall(req, new WebCaller(proxy, req, res), context);
      return hasUnknownCoding(req) ? call.refuse(unknownCoding) : call.run();
    },

    upgrade(req, socket, head) {
      socket.on('error', (error) => log.debug('upgraded connection to the caller broke', { error }));
      const onLeave = (listener: () => void) => {
        socket.once('close', listener);
        return () => void socket.off('close', listener);
      };
      const send = (target: ProxyTarget) => proxy.upgrade(req, socket, head, target);
      const finish = (answer?: PlainAnswer) => {
        if (answer) answerSocket(socket, answer);
        return answer?.status ?? switchingProtocols;
      };
      return new FunctionCall(req, { send, onLeave, finish }, context).run();
    },

    cut: () => proxy.cut(),
    close: () => proxy.close(),
  };
}

/** The caller of a call that is no upgrade. */
class WebCaller implements Caller {
  readonly #proxy: Proxy;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;

  constructor(proxy: Proxy, req: IncomingMessage, res: ServerResponse) {
    this.#proxy = proxy;
    this.#req = req;
    this.#res = res;
  }

  send(target: ProxyTarget): Promise<ProxyOutcome> {
    return this.#proxy.web(this.#req, this.#res, target);
  }

  onLeave(listener: () => void): () => void {
    return onCallerLeaves(this.#req, this.#res, listener);
  }

  finish(answer: PlainAnswer | undefined): number {
    const [req, res] = [this.#req, this.#res];
    if (answer && !hasCallerLeft(req, res)) answerPlain(req, res, answer);
    return res.headersSent ? res.statusCode : callerLeft;
  }
}
