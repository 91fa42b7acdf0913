import { ClientRequest, IncomingMessage, type Agent, type ServerResponse } from 'node:http';
import { Stream } from 'node:stream';
import httpProxy from 'http-proxy';
import { ClientSending } from './client-sending.ts';
import { Connections } from './connections.ts';
import { expectsContinue, headersObject, isChunked, requestHeaders } from './headers.ts';
import type { Proxy, ProxyTarget } from './proxy.ts';
import { proxyOver, roadOptions, type RoadOptions } from './road.ts';

/**
 * http-proxy 1.18 behind `Proxy`. It makes the outgoing request; framing, path, body and reply are ours, because as it
 * comes it rewrites paths, drops chunked bodies' framing (https://github.com/http-party/node-http-proxy/issues/1721),
 * leaves the function running when the caller goes (…/issues/1586), and hangs or dies on broken replies.
 */
export function createHttpProxy(given: RoadOptions = {}): Proxy {
  const options = roadOptions(given);
  const kept = new Connections(options);
  const fresh = new Connections({ ...options, maxIdleConns: 0 });
  const proxy = httpProxy.createProxyServer({ selfHandleResponse: true, toProxy: true });

  return proxyOver({
    options,
    open(req, res, target) {
      const request = openRequest(proxy, req, res, target, target.newConnection ? fresh : kept);
      // Options of http.request that http-proxy does not pass on; read when the socket is assigned. A function that lies
      // harms its own callers only, so what sloppy servers say is taken where it is not ambiguous.
      Object.assign(request, { maxHeaderSize: options.maxHeaderBytes, maxHeadersCount: 0, insecureHTTPParser: true });
      return new ClientSending(request);
    },
    close() {
      kept.destroy();
      fresh.destroy();
    },
  });
}

/** Has http-proxy make the request, of which nothing is sent yet. */
function openRequest(
  proxy: httpProxy,
  req: IncomingMessage,
  res: ServerResponse,
  target: ProxyTarget,
  agent: Agent,
): ClientRequest {
  const tap = new RequestTap();
  const address = { host: target.hostname, port: target.port };
  // Its callback is for errors, which the exchange listens to itself.
  proxy.web(outgoing(req, target), res, { target: address, agent, buffer: tap }, () => {});
  const { request } = tap;
  if (!request) throw new Error('http-proxy made no request');
  request.path = target.path;
  // http-proxy turns the order round, and this one must be the last: see `requestHeaders`.
  const length = request.getHeader('content-length');
  if (length !== undefined) {
    request.removeHeader('content-length');
    request.setHeader('content-length', length);
  }
  // With it from the beginning node would write the headers at once, with http-proxy's path.
  if (expectsContinue(req)) request.setHeader('expect', '100-continue');
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
  message.headers = headersObject(requestHeaders(req, target));
  delete message.headers.expect;
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
