import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { Registry } from '@prometheus-io/client';
import { silentLog, type Log } from '../base/log.ts';
import { answerPlain } from '../base/plain-line.ts';
import { readCredentials } from './basic-auth.ts';
import type { FaaSConfig } from './faas-config.ts';
import type { FaaSHandlers, RawHandler } from './handlers.ts';
import { createHttpServer, type HandlerFor } from './http-server.ts';
import { followKeyPair, keyPairFiles, readKeyPair } from './key-pair.ts';
import { NotImplementedError } from './provider-errors.ts';
import { createApp, faasRoutes, type Route } from './routes.ts';
import { SecureServer } from './secure-server.ts';

export interface ServeOptions {
  /** Aborting it closes the server gracefully. */
  signal?: AbortSignal;
  log?: Log;
  /** Routes beside those of the contract, such as a gateway's own. */
  extraRoutes?: Route[];
  /** The metrics that GET /metrics answers with; the server's own join them. */
  registry?: Registry;
  /** How long requests in flight may take to end when the server closes; 10 s when absent. */
  drainMs?: number;
  /** With TLS: addresses of this host at which plain HTTP is taken too, as functions speak it on their bridge. */
  plainOn?: string[];
}

export interface FaaSServer {
  /** The IP address and port that the server listens on. */
  address: string;
  port: number;
  /** Stops listening, lets what is in flight end for `drainMs`, and resolves when every connection is closed. */
  close: () => Promise<void>;
  /** Resolves when the server has closed, whoever closed it. */
  closed: Promise<void>;
}

/**
 * Serves the OpenFaaS provider API until `signal` aborts: the routes, basic auth, metrics and shutdown of faas-provider.
 * Invocations go to `handlers.functionProxy` untouched, everything else passes through Koa.
 * @returns the server, once it listens
 * @throws ConfigError when `config.enableBasicAuth` and there are no credentials, and when `config.tlsCert` cannot serve
 * @throws Error of Node's, such as EADDRINUSE, when it cannot listen
 */
export async function serve(
  handlers: FaaSHandlers,
  config: FaaSConfig,
  options: ServeOptions = {},
): Promise<FaaSServer> {
  const { signal, log = silentLog, extraRoutes = [], registry = new Registry(), drainMs = 10_000 } = options;
  const credentials = config.enableBasicAuth ? await readCredentials(config.secretMountPath) : undefined;
  const closing = new AbortController();
  const routes = [...faasRoutes(handlers, registry), ...extraRoutes].filter(
    ({ path }) => config.enableHealth || path !== '/healthz',
  );
  const app = createApp(routes, { config, credentials, registry, log, closing: closing.signal });
  const files = keyPairFiles(config);
  const pair = files && (await readKeyPair(files));
  const secure = pair && { pair, plainOn: options.plainOn };
  const server = createHttpServer(config, { log, handlerFor: handlerFor(handlers, { web: app.callback() }), secure });
  const { address, port } = await listen(server, config, log);
  if (server instanceof SecureServer && files && pair)
    followKeyPair({ files, pair, use: (renewed) => server.use(renewed), log, signal: closing.signal });

  const close = closer(server, handlers, closing, drainMs);
  const closed = Promise.withResolvers<void>();
  const closeOnce = (): Promise<void> => {
    if (!closing.signal.aborted) closed.resolve(close());
    return closed.promise;
  };
  if (signal?.aborted) void closeOnce();
  signal?.addEventListener('abort', () => void closeOnce(), { once: true });
  return { address, port, close: closeOnce, closed: closed.promise };
}

/** Says who takes a request: invocations pass `system`, which is everything that goes through Koa. */
function handlerFor(handlers: FaaSHandlers, system: RawHandler): HandlerFor {
  return (method, path) => {
    if (path.startsWith('/function/')) return handlers.functionProxy;
    const isAsync = method === 'POST' && path.startsWith('/async-function/');
    return isAsync ? (handlers.asyncFunction ?? noAsync) : system;
  };
}

/** How often connections that idle are looked for while the server closes. */
const idleLookMs = 50;

const noAsync: RawHandler = {
  web: (req, res) => answerPlain(req, res, new NotImplementedError('asyncFunction')),
};

async function listen(server: Server, { tcpPort, bind }: FaaSConfig, log: Log): Promise<AddressInfo> {
  server.listen(tcpPort, bind);
  await once(server, 'listening');
  // Such as no file descriptor left for a new connection: the others go on.
  server.on('error', (error) => log.error('the listening socket failed', { error }));
  return server.address() as AddressInfo;
}

/** Node forgets a socket that it upgraded and keeps a connection open after its last answer, so both are looked after here. */
function closer(
  server: Server,
  handlers: FaaSHandlers,
  closing: AbortController,
  drainMs: number,
): () => Promise<void> {
  const upgraded = new Set<Duplex>();
  server.on('upgrade', (_req, socket) => {
    upgraded.add(socket);
    socket.once('close', () => upgraded.delete(socket));
  });

  return async () => {
    // What came while the process was busy is taken first, as closing would cut it off: a turn of its loop accepts, the next reads.
    for (let turns = 0; turns < 3; turns += 1) await turn();
    const closed = new Promise((resolve) => server.once('close', resolve));
    server.close();
    closing.abort();
    const cut = setTimeout(() => {
      server.closeAllConnections();
      for (const socket of upgraded) socket.destroy();
    }, drainMs);
    // Those that idle after their last answer.
    const idle = setInterval(() => server.closeIdleConnections(), idleLookMs);
    await closed;
    clearInterval(idle);
    clearTimeout(cut);
    handlers.functionProxy.close?.();
    handlers.asyncFunction?.close?.();
  };
}
