import { silentLog, type Log } from '../../base/log.ts';
import { answerPlain, answerSocket, type PlainAnswer } from '../../base/plain-line.ts';
import type { RawHandler } from '../handlers.ts';
import { FunctionCall, type FunctionCallContext, type FunctionCallOptions, type Resolve } from './function-call.ts';
import { onCallerLeaves } from './caller.ts';
import { hasUnknownCoding } from './headers.ts';
import type { Proxy } from './proxy.ts';
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

  return {
    forwardsExpect: true,

    async web(req, res) {
      res.on('error', (error) => log.debug('connection to the caller broke', { error }));
      const call = new FunctionCall(req, (target) => proxy.web(req, res, target), context);
      const stopWatching = onCallerLeaves(req, res, () => call.abandon());
      const answer = hasUnknownCoding(req) ? unknownCoding : await call.run();
      stopWatching();
      if (answer && !call.isAbandoned) answerPlain(req, res, named(answer, call));
      call.end(res.headersSent ? res.statusCode : callerLeft);
    },

    async upgrade(req, socket, head) {
      socket.on('error', (error) => log.debug('upgraded connection to the caller broke', { error }));
      const call = new FunctionCall(req, (target) => proxy.upgrade(req, socket, head, target), context);
      const onClose = () => call.abandon();
      socket.once('close', onClose);
      const answer = await call.run();
      socket.off('close', onClose);
      if (answer && !call.isAbandoned) answerSocket(socket, named(answer, call));
      call.end(answer?.status ?? switchingProtocols);
    },

    close: () => proxy.close(),
  };
}

/** The answer with the headers that name its call. */
function named({ status, message, headers }: PlainAnswer, call: FunctionCall): PlainAnswer {
  return { status, message, headers: { ...call.headers, ...headers } };
}
