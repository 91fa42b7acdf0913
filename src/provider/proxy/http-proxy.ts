import { ClientRequest, IncomingMessage, type Agent, type ServerResponse } from 'node:http';
import { Stream } from 'node:stream';
import httpProxy from 'http-proxy';
import { hasCallerLeft } from './caller.ts';
import { Connections, type ConnectionsOptions } from './connections.ts';
import { Exchange } from './exchange.ts';
import { hasBody, isChunked, requestHeaders } from './headers.ts';
import type { Proxy, ProxyTarget } from './proxy.ts';
import { RequestBody } from './request-body.ts';
import { upgradeTo } from './upgrade.ts';

export interface HttpProxyOptions extends Partial<ConnectionsOptions> {
  connectTimeoutMs?: number;
  /** Bytes of headers that a reply may have. */
  maxHeaderBytes?: number;
}

/**
 * http-proxy 1.18 behind `Proxy`. It makes the outgoing request; framing, path, body and reply are ours, because as it
 * comes it rewrites paths, drops chunked bodies' framing (https://github.com/http-party/node-http-proxy/issues/1721),
 * leaves the function running when the caller goes (…/issues/1586), and hangs or dies on broken replies.
 */
export function createHttpProxy(options: HttpProxyOptions = {}): Proxy {
  const {
    maxIdleConns = 1024,
    maxIdleConnsPerHost = 1024,
    idleTimeoutMs = 4_000,
    connectTimeoutMs = 5_000,
    maxHeaderBytes = 80 * 1024,
  } = options;
  const agent = new Connections({ maxIdleConns, maxIdleConnsPerHost, idleTimeoutMs });
  const proxy = httpProxy.createProxyServer({ selfHandleResponse: true, toProxy: true });
  const bodies = new WeakMap<IncomingMessage, RequestBody>();

  return {
    async web(req, res, target) {
      if (hasCallerLeft(req, res)) return { failure: 'aborted' };
      const body = bodies.get(req) ?? new RequestBody(req);
      if (hasBody(req)) bodies.set(req, body);
      const request = openRequest(proxy, req, res, target, target.newConnection ? undefined : agent);
      // An option of http.request that http-proxy does not pass on; read when the socket is assigned.
      Object.assign(request, { maxHeaderSize: maxHeaderBytes });
      return new Exchange(request, { req, res, body, target, connectTimeoutMs }).outcome;
    },
    upgrade: (req, socket, head, target) => upgradeTo({ req, socket, head, target, connectTimeoutMs, maxHeaderBytes }),
    close: () => agent.destroy(),
  };
}

/** Has http-proxy make the request, of which nothing is sent yet. */
function openRequest(
  proxy: httpProxy,
  req: IncomingMessage,
  res: ServerResponse,
  target: ProxyTarget,
  agent?: Agent,
): ClientRequest {
  const tap = new RequestTap();
  const address = { host: target.hostname, port: target.port };
  // Its callback is for errors, which the exchange listens to itself.
  proxy.web(outgoing(req, target), res, { target: address, agent, buffer: tap }, () => {});
  const { request } = tap;
  if (!request) throw new Error('http-proxy made no request');
  request.path = target.path;
  if (isChunked(req)) {
    request.removeHeader('content-length');
    request.setHeader('transfer-encoding', 'chunked');
  }
  return request;
}

/** Makes the request that http-proxy reads. It would change the headers of the caller's own, and listen to it. */
function outgoing(req: IncomingMessage, target: ProxyTarget): IncomingMessage {
  const message = new IncomingMessage(req.socket);
  message.method = req.method;
  message.url = '/';
  message.headers = requestHeaders(req, target);
  return message;
}

/** Stands in for the body that http-proxy pipes, and so gets hold of the request before a byte of it is sent. */
class RequestTap extends Stream {
  request?: ClientRequest;

  override pipe<T extends NodeJS.WritableStream>(destination: T): T {
    if (destination instanceof ClientRequest) this.request = destination;
    return destination;
  }
}
