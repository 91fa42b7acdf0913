import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from '@prometheus-io/client';
import type { Log } from '../../base/log.ts';
import { answerPlain } from '../../base/plain-line.ts';
import { healthOf } from '../health.ts';

export interface MetricsServerOptions {
  /** 0 takes any free port. */
  port: number;
  registry: Registry;
  ready: () => boolean;
  /** Aborting it closes the server. */
  signal: AbortSignal;
  log: Log;
}

export interface MetricsServer {
  port: number;
  /** Resolves when the server has closed. */
  closed: Promise<void>;
}

const address = '127.0.0.1';

/**
 * Serves GET /metrics and /healthz without a password, on loopback, for what runs on this host.
 * @throws Error when the port is taken
 */
export async function serveMetrics(options: MetricsServerOptions): Promise<MetricsServer> {
  const { signal, log } = options;
  const server = createServer((req, res) => {
    answer(req, res, options).catch((error: unknown) => {
      log.error('cannot answer a request for metrics', { error });
      answerPlain(req, res, { status: 500, message: 'internal error' });
    });
  });
  server.listen(options.port, address);
  try {
    await once(server, 'listening');
  } catch (cause) {
    const problem = `cannot listen for metrics on ${address}:${options.port}`;
    throw new Error(`${problem}: free the port, or choose another`, { cause });
  }
  server.on('error', (error) => log.error('metrics server failed', { error }));
  // Not `once` of node:events, which an error in between would reject.
  const closed = new Promise<void>((resolve) => server.once('close', resolve));
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  if (signal.aborted) close();
  signal.addEventListener('abort', close, { once: true });
  return { port: (server.address() as AddressInfo).port, closed };
}

async function answer(req: IncomingMessage, res: ServerResponse, options: MetricsServerOptions): Promise<void> {
  const { registry, ready } = options;
  const path = req.url?.replace(/\?.*$/, '');
  if (path !== '/metrics' && path !== '/healthz')
    return answerPlain(req, res, { status: 404, message: 'not here: GET /metrics or /healthz' });
  if (req.method !== 'GET' && req.method !== 'HEAD')
    return answerPlain(req, res, { status: 405, message: 'only GET', headers: { Allow: 'GET, HEAD' } });
  const isHealth = path === '/healthz';
  const { status, body } = isHealth ? healthOf(ready()) : { status: 200, body: await registry.metrics() };
  const type = isHealth ? 'text/plain; charset=utf-8' : registry.contentType;
  res.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  res.end(body);
}
