import { once } from 'node:events';
import path from 'node:path';
import { Registry } from '@prometheus-io/client';
import type { Log } from '../base/log.ts';
import type { PartHealth } from '../base/part-health.ts';
import {
  createGateway,
  openRoutes,
  partsRoute,
  serveDashboard,
  serveMetrics,
  type Dashboard,
  type Leaving,
} from '../gateway/index.ts';
import {
  handlersFor,
  reachable,
  serve,
  type Environment,
  type FaaSHandlers,
  type FaaSServer,
  type Provider,
  type VersionInfo,
} from '../provider/index.ts';
import { FunctionsFolder } from '../stack/index.ts';
import type { Config } from './config.ts';
import { DataLock } from './data-lock.ts';
import { Drainers } from './drainers.ts';
import { inheritedSockets } from './inherited-socket.ts';
import { moveSocket } from './move-socket.ts';
import { callsSocket, openAsync } from './open-async.ts';
import { ServiceManager, type ServiceLife } from './service-manager.ts';
import { stackRoute } from './stack-route.ts';
import { untilMounted } from './until-mounted.ts';

/** What the daemon serves: a provider, and the life that it has beside its verbs. */
export interface BackEnd {
  readonly provider: Provider;
  /** Every function has had one attempt to be what it should be since the start. */
  readonly ready: boolean;
  /** How the host and each part of the back end are, where it knows. */
  readonly parts?: PartHealth[];
  /** The host's address on the bridge of functions, which speak plain HTTP to it. */
  readonly gateway?: string;
  /** Nothing of it hangs. */
  readonly isAlive: boolean;
  /** @param othersDone resolves when no daemon before this one has calls in flight */
  start(othersDone: Promise<void>): Promise<void>;
  /** Ends what is under way; functions run on. */
  stop(): Promise<void>;
}

export interface ServeDaemonOptions {
  config: Config;
  /** Variables of the process: for the files of functions_dir, and what systemd has set. */
  env: Environment;
  version: VersionInfo;
  signal: AbortSignal;
  log: Log;
}

/** What the API is served of. */
interface ServeOf extends ServeDaemonOptions {
  backEnd: BackEnd;
  folder: FunctionsFolder;
  /** Resolves when no daemon before this one has calls in flight. */
  othersDone: Promise<void>;
}

/** The API, while it is served. */
interface Served {
  server: FaaSServer;
  /** Writes what is to be kept, and resolves when the next daemon may have it, and the ports that are ours alone. */
  giveUp(): Promise<unknown>;
  /** Resolves when every call has ended. */
  closed: Promise<unknown>;
}

/**
 * Runs a back end and serves its API in the config's mode, until the signal aborts. Then the next daemon has everything at
 * once but the calls in flight, which end here.
 */
export async function serveDaemon(backEnd: BackEnd, options: ServeDaemonOptions): Promise<void> {
  const { config, env, signal, log } = options;
  const manager = new ServiceManager(env, log);
  await untilMounted(config.dataDir, { signal, log });
  const lock = await DataLock.take({ dataDir: config.dataDir, isService: manager.isThere, signal, log });
  if (!lock) return;
  const drainers = new Drainers(config.runDir);
  const othersDone = drainers.gone(config.upgradeDrainMs);
  const { release, sha } = options.version;
  backEnd.provider.events?.tell({ kind: 'berth-started', text: `berth ${release} (${sha}) started` });
  await backEnd.start(othersDone);
  const folder = folderOf(backEnd, options);
  void folder.run(signal);
  const of = { ...options, backEnd, folder, othersDone };
  const served = await (config.mode === 'provider' ? serveProvider : serveGateway)(of);
  void manager.follow(lifeOf(backEnd), signal);
  if (inheritedSockets(env).length > 0) void moveSocket(served.server, { config, log });
  if (!signal.aborted) await once(signal, 'abort');
  await Promise.all([served.giveUp(), backEnd.stop()]);
  await drainers
    .add()
    .catch((error: unknown) => log.warn('the next berth may stop replicas that are still called', { error }));
  await lock.release();
  log.debug('the next berth may start, calls in flight end here');
  await served.closed;
  await drainers.delete();
  log.info('berth stopped, functions run on');
}

function lifeOf(backEnd: BackEnd): ServiceLife {
  return {
    isReady: () => backEnd.ready,
    isAlive: () => backEnd.isAlive,
    problems: () => (backEnd.parts ?? []).flatMap(({ name, problem }) => (problem ? [`${name}: ${problem}`] : [])),
  };
}

function folderOf({ provider }: BackEnd, { config, env, log }: ServeDaemonOptions): FunctionsFolder {
  const { functionsDir: folder, defaultNamespace } = config;
  return new FunctionsFolder({ folder, provider, defaultNamespace, env, log });
}

function partsOf({ parts = [] }: BackEnd, folder: FunctionsFolder): PartHealth[] {
  return [...parts, ...folder.parts];
}

/** Has the folder try again when a secret or a namespace was made, which it may have wanted. */
function hurryingFolder(handlers: FaaSHandlers, folder: FunctionsFolder): FaaSHandlers {
  const { secrets, mutateNamespace } = handlers;
  const hurrying = (handler: typeof secrets): typeof secrets =>
    handler &&
    (async (ctx) => {
      await handler(ctx);
      if (ctx.method !== 'GET') folder.retrySoon();
    });
  return { ...handlers, secrets: hurrying(secrets), mutateNamespace: hurrying(mutateNamespace) };
}

/** The provider and the gateway API in one. */
async function serveGateway(options: ServeOf): Promise<Served> {
  const { backEnd, folder, config, env, version, signal, log } = options;
  const { upstreamTimeoutMs, metricsPort: port } = config;
  const { provider } = backEnd;
  const registry = new Registry();
  const ready = () => backEnd.ready;
  const own: { dashboard?: Dashboard } = {};
  const parts = () => [...partsOf(backEnd, folder), ...(own.dashboard?.parts ?? [])];
  const [countsPath, historyDir] = ['counts.json', 'history'].map((name) => path.join(config.dataDir, name));
  const listenFds = inheritedSockets(env);
  const leaving: Leaving = { signal, next: () => (listenFds.length === 0 ? undefined : reachable(server)) };
  const socketPath = await callsSocket(config.runDir);
  const asyncCalls = await openAsync({ provider, config, version, registry, socketPath, log });
  const kept = { countsPath, historyDir };
  const of = { provider, config, version, upstreamTimeoutMs, leaving, ready, parts, asyncCalls };
  const gateway = createGateway({ ...of, ...kept, registry, log });
  await gateway.counts?.read();
  const handlers = hurryingFolder(gateway.handlers, folder);
  const routes = [...gateway.routes, stackRoute(provider)];
  const server = await serve(handlers, config, {
    signal,
    log,
    registry,
    plainOn: plainOnOf(backEnd),
    extraRoutes: [...routes, ...openRoutes(config.uiPort, config.trustedProxies)],
    drainMs: config.upgradeDrainMs,
    listenFds,
    socketPath,
  });
  const metrics = port > 0 ? await serveMetrics({ port, registry, ready, signal, log }) : undefined;
  const sessionsPath = path.join(config.dataDir, 'sessions.json');
  const drainMs = config.upgradeDrainMs;
  const page = { port: config.uiPort, config, handlers, routes, registry, sessionsPath, drainMs, signal, log };
  own.dashboard = config.uiPort > 0 ? await serveDashboard(page) : undefined;
  const { release, sha } = version;
  log.info('berth serves', { address: server.address, port: server.port, release, sha });
  const counting = gateway.counts?.run(signal) ?? Promise.resolve();
  const working = asyncCalls.run(signal, options.othersDone);
  const scheduling = asyncCalls.schedule(signal);
  const running = [
    metrics?.closed ?? Promise.resolve(),
    gateway.autoscale(signal),
    gateway.remember(signal),
    counting,
    scheduling,
  ];
  // In this order: until the file is handed over, all that was ever counted would be the rest.
  const counted = Promise.all([server.closed, counting]).then(() => gateway.counts?.writeRest());
  const queueClosed = Promise.all([server.closed, working]).then(() => asyncCalls.close());
  const closed = Promise.all([counted, queueClosed, own.dashboard?.closed]);
  return { server, closed, giveUp: () => Promise.all(running) };
}

/** The bare provider API, for an OpenFaaS gateway in front. */
async function serveProvider({ backEnd, folder, config, env, version, signal, log }: ServeOf): Promise<Served> {
  const plain = handlersFor(backEnd.provider, config, { upstreamTimeoutMs: config.upstreamTimeoutMs, log });
  const handlers = hurryingFolder(plain, folder);
  const parts = partsRoute(() => ({ ready: backEnd.ready, parts: partsOf(backEnd, folder) }));
  const [plainOn, drainMs, listenFds] = [plainOnOf(backEnd), config.upgradeDrainMs, inheritedSockets(env)];
  const server = await serve(handlers, config, { signal, log, plainOn, extraRoutes: [parts], drainMs, listenFds });
  const { release, sha } = version;
  log.info('berth serves as a provider', { address: server.address, port: server.port, release, sha });
  return { server, closed: server.closed, giveUp: () => Promise.resolve() };
}

function plainOnOf({ gateway }: BackEnd): string[] {
  return gateway === undefined ? [] : [gateway];
}
