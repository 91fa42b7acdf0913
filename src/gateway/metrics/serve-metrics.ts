import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from '@prometheus-io/client';
import type { Log } from '../../base/log.ts';
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

/** GET /metrics and /healthz without a password, for what runs on this host. Throws when the port is taken. */
export async function serveMetrics(options: MetricsServerOptions): Promise<MetricsServer> {
  const { registry, ready, signal, log } = options;
  const server = createServer((req, res) => {
    answer(req, res, { registry, ready }).catch((error: unknown) => {
      log.error('metrics failed', { error });
      say(res, 500, 'internal error\n');
    });
  });
  server.listen(options.port, address);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new Error(`cannot listen for metrics on ${address}:${options.port}: free the port, or choose another`, {
      cause,
    });
  }
  server.on('error', (error) => log.error('metrics server', { error }));
  const closed = once(server, 'close').then(() => {});
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  if (signal.aborted) close();
  signal.addEventListener('abort', close, { once: true });
  return { port: (server.address() as AddressInfo).port, closed };
}

async function answer(
  { method, url = '' }: IncomingMessage,
  res: ServerResponse,
  { registry, ready }: Pick<MetricsServerOptions, 'registry' | 'ready'>,
): Promise<void> {
  const path = url.replace(/\?.*$/, '');
  if (path !== '/metrics' && path !== '/healthz') return say(res, 404, 'not here: GET /metrics or /healthz\n');
  if (method !== 'GET' && method !== 'HEAD') return say(res, 405, 'only GET\n', { Allow: 'GET, HEAD' });
  if (path === '/metrics') return say(res, 200, await registry.metrics(), { 'Content-Type': registry.contentType });
  const { status, body } = healthOf(ready());
  say(res, status, body);
}

function say(res: ServerResponse, status: number, body: string, headers: Record<string, string> = {}): void {
  const length = Buffer.byteLength(body);
  res.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': length, ...headers });
  res.end(body);
}
