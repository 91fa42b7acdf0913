import type { IncomingMessage, ServerResponse } from 'node:http';
import { hasCallerLeft } from './caller.ts';
import { Exchange } from './exchange.ts';
import { hasBody } from './headers.ts';
import { LiveCalls } from './live-calls.ts';
import type { Proxy, ProxyTarget } from './proxy.ts';
import { RequestBody } from './request-body.ts';
import type { Sending } from './sending.ts';
import { upgradeTo } from './upgrade.ts';

export interface RoadOptions {
  /** Connections kept open in all while no call uses them. */
  maxIdleConns?: number;
  /** Connections kept open to one endpoint while no call uses them. */
  maxIdleConnsPerHost?: number;
  /** How long a kept connection may idle; less than the 5 s after which common servers close theirs; 0 keeps none. */
  idleConnTimeoutMs?: number;
  connectTimeoutMs?: number;
  /** Bytes of headers that a reply may have. */
  maxHeaderBytes?: number;
}

/** Fills in what is not given. */
export function roadOptions(options: RoadOptions): Required<RoadOptions> {
  const { maxIdleConns = 1024, maxIdleConnsPerHost = 1024, idleConnTimeoutMs = 4_000 } = options;
  return {
    // To node's agent no time would be for ever.
    maxIdleConns: idleConnTimeoutMs === 0 ? 0 : maxIdleConns,
    maxIdleConnsPerHost,
    idleConnTimeoutMs,
    connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
    maxHeaderBytes: options.maxHeaderBytes ?? 1024 * 1024,
  };
}

/** What a road to functions is made of; the rest is the same for all. */
export interface Road {
  options: Required<RoadOptions>;
  /** Makes ready to send the request, of which nothing is sent yet. */
  open: (req: IncomingMessage, res: ServerResponse, target: ProxyTarget) => Sending;
  close: () => void;
}

/** Makes a `Proxy` that sends calls by this road. */
export function proxyOver({ options, open, close }: Road): Proxy {
  const live = new LiveCalls();
  const bodies = new WeakMap<IncomingMessage, RequestBody>();
  return {
    web(req, res, target) {
      if (hasCallerLeft(req, res)) return Promise.resolve({ failure: 'aborted' });
      const body = bodies.get(req) ?? new RequestBody(req);
      if (hasBody(req)) bodies.set(req, body);
      return new Exchange(open(req, res, target), { req, res, body, target, live }).outcome;
    },
    upgrade: (req, socket, head, target) => upgradeTo({ req, socket, head, target, live, ...options }),
    cut: () => live.cut(),
    close,
  };
}
