import { isChunked } from '../headers.ts';
import type { Proxy } from '../proxy.ts';
import { proxyOver, roadOptions, type RoadOptions } from '../road.ts';
import { ConnectionPool } from './connection-pool.ts';
import { FastSending } from './fast-sending.ts';
import { renderHead } from './request-head.ts';

/**
 * Sends calls over connections of our own. Node's HTTP client costs more than all the rest of a call; what is left here is
 * to write a request and to read a reply. The caller's side, which hostile bytes meet, stays node's server.
 */
export function createFastProxy(given: RoadOptions = {}): Proxy {
  const options = roadOptions(given);
  const { maxHeaderBytes } = options;
  const pool = new ConnectionPool(options);
  return proxyOver({
    options,
    open(req, _res, target) {
      const head = renderHead(req, target);
      const kept = target.newConnection ? undefined : pool.take(target);
      const connection = kept ?? pool.open({ hostname: target.hostname, port: target.port });
      const method = req.method ?? 'GET';
      const onKeptConnection = kept !== undefined;
      return new FastSending({
        head,
        method,
        isChunked: isChunked(req),
        connection,
        onKeptConnection,
        pool,
        maxHeaderBytes,
      });
    },
    close: () => pool.close(),
  });
}
