import { once } from 'node:events';
import { chmod } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo, ListenOptions, Server as TcpServer } from 'node:net';
import { Registry } from '@prometheus-io/client';
import { silentLog, type Log } from '../base/log.ts';
import { answerPlain } from '../base/plain-line.ts';
import { readCredentials } from './basic-auth.ts';
import { serverCloser } from './close-server.ts';
import { createServerFor } from './create-server.ts';
import type { FaaSConfig } from './faas-config.ts';
import { furtherListener } from './further-listener.ts';
import type { FaaSHandlers, RawHandler } from './handlers.ts';
import { createHttpServer, ownHeaderBytes, type HandlerFor } from './http-server.ts';
import { reachable, toNextServer } from './next-server.ts';
import { OwedAnswers } from './owed-answers.ts';
import { believe } from './own-callers.ts';
import { NotImplementedError } from './provider-errors.ts';
import { createRoad } from './proxy/index.ts';
import { createApp, faasRoutes, type Route } from './routes.ts';

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
  /**
   * The descriptors of sockets that listen already, such as systemd's; `config` says nothing of the address then. Their owner
   * goes on listening when the server closes, so callers wait there for the next server. Several may be copies of one: as
   * many connections are accepted in each turn of the event loop.
   */
  listenFds?: readonly number[];
  /**
   * Path of a unix socket at which the same is answered, without TLS, to callers of this user: what they say of where a call
   * came from is passed on.
   */
  socketPath?: string;
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
  const [listenFd, ...furtherFds] = options.listenFds ?? [];
  const credentials = config.enableBasicAuth ? await readCredentials(config.secretMountPath) : undefined;
  const closing = new AbortController();
  const routes = [...faasRoutes(handlers, registry), ...extraRoutes].filter(
    ({ path }) => config.enableHealth || path !== '/healthz',
  );
  const app = createApp(routes, { config, credentials, registry, log, closing: closing.signal });
  const answering = new OwedAnswers();
  const system = { web: app.callback() };
  const takenBy = handlerFor(handlers, system, () =>
    listenFd !== undefined && closing.signal.aborted ? onward() : undefined,
  );
  const taking = { log, handlerFor: takenBy, answering };
  const { server, followKeyPair } = await createServerFor(config, { ...taking, plainOn: options.plainOn });
  const own = { ...taking, mostHeaderBytes: ownHeaderBytes };
  const onSocket = options.socketPath === undefined ? [] : [createHttpServer(config, own)];
  const further = furtherFds.map(() => furtherListener(server));
  let next: RawHandler | undefined;
  const onward = () => (next ??= toNextServer(createRoad(config.proxy, config), reachable({ address, port })));
  const close = serverCloser([server, ...onSocket], {
    handlers,
    answering,
    drainMs,
    further,
    isHandedOver: listenFd !== undefined,
    onClosing: () => closing.abort(),
    onCut: (cut) => log.warn('what was still in flight is ended', { afterMs: drainMs, ...cut }),
  });
  const at = listenFd === undefined ? { port: config.tcpPort, host: config.bind } : { fd: listenFd };
  const listenAll = async () => {
    for (const each of onSocket) await listenForOwn(each, options.socketPath, log);
    const listeningAt = await listen(server, at, log);
    for (const [n, each] of further.entries()) await listen(each, { fd: furtherFds[n] }, log);
    return listeningAt;
  };
  const { address, port } = await listenAll().catch((error: unknown) => {
    for (const each of [server, ...further, ...onSocket]) each.close();
    throw error;
  });
  followKeyPair(closing.signal);

  let isClosing = false;
  const closed = Promise.withResolvers<void>();
  const closeOnce = (): Promise<void> => {
    if (!isClosing) closed.resolve(close());
    isClosing = true;
    return closed.promise;
  };
  if (signal?.aborted) void closeOnce();
  signal?.addEventListener('abort', () => void closeOnce(), { once: true });
  return { address, port, close: closeOnce, closed: closed.promise };
}

/**
 * Says who takes a request: invocations pass `system`, which is everything that goes through Koa. All but what functions answer
 * is the next server's, once there is one.
 */
function handlerFor(handlers: FaaSHandlers, system: RawHandler, next: () => RawHandler | undefined): HandlerFor {
  return (method, path) => {
    if (path.startsWith('/function/')) return handlers.functionProxy;
    const isAsync = method === 'POST' && path.startsWith('/async-function/');
    return next() ?? (isAsync ? (handlers.asyncFunction ?? noAsync) : system);
  };
}

const noAsync: RawHandler = {
  web: (req, res) => answerPlain(req, res, new NotImplementedError('asyncFunction')),
};

/** How many callers may wait to be accepted: as many as the kernel allows. */
const backlog = 65_535;

async function listen(server: TcpServer, at: ListenOptions & { fd?: number }, log: Log): Promise<AddressInfo> {
  server.listen({ ...at, backlog });
  await once(server, 'listening');
  // Such as no file descriptor left for a new connection: the others go on.
  server.on('error', (error) => log.error('the listening socket failed', { error }));
  return server.address() as AddressInfo;
}

/** Listens at a path, for callers of this user alone. */
async function listenForOwn(server: Server, path: string | undefined, log: Log): Promise<void> {
  server.on('connection', believe);
  await listen(server, { path }, log);
  if (path !== undefined) await chmod(path, 0o600);
}
