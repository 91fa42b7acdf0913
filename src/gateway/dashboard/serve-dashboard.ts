import { setTimeout as sleep } from 'node:timers/promises';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from '@prometheus-io/client';
import { describeError, type Log } from '../../base/log.ts';
import type { PartHealth } from '../../base/part-health.ts';
import {
  createApp,
  createServerFor,
  faasRoutes,
  readCredentials,
  type FaaSConfig,
  type FaaSHandlers,
  type HandlerFor,
  type Route,
} from '../../provider/index.ts';
import { Admission } from './admission.ts';
import { readAssets } from './assets.ts';
import { assetRoutes, sessionRoutes } from './page-routes.ts';
import { Sessions } from './sessions.ts';

export interface DashboardOptions {
  /** 0 takes any free port. */
  port: number;
  config: FaaSConfig;
  handlers: FaaSHandlers;
  /** Routes beside the provider's. */
  routes: Route[];
  /** What GET /metrics answers with. */
  registry: Registry;
  /** File of what outlives the process of sessions. */
  sessionsPath: string;
  /** How long answers may take to end once the server closes. */
  drainMs: number;
  /** Aborting it closes the server. */
  signal: AbortSignal;
  log: Log;
}

export interface Dashboard {
  /** Whether it is served. */
  parts: PartHealth[];
  /** The port that it listens on, once it does. */
  port?: number;
  /** Resolves when the server has closed. */
  closed: Promise<void>;
}

/** How long until a port that was taken is tried again. */
const againMs = 1_000;
/** How often connections that idle are looked for while the server closes. */
const idleLookMs = 50;

/**
 * Serves the dashboard: its page, and the API for whoever has logged in on it, at a port and so an origin of its own, where no
 * function's page is. A port that is taken is tried again: functions are served meanwhile.
 */
export async function serveDashboard(options: DashboardOptions): Promise<Dashboard> {
  const { config, signal, log } = options;
  const { server, followKeyPair } = await createServerFor(config, { log, handlerFor: await handlerFor(options) });
  const dashboard: Dashboard = { parts: [{ name: 'dashboard', healthy: true }], closed: Promise.resolve() };
  if (signal.aborted) return dashboard;
  const closed = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => void close(server, options.drainMs).then(closed.resolve), { once: true });
  followKeyPair(signal);
  const listening = listen(server, options, dashboard);
  await Promise.race([listening, sleep(againMs / 2, undefined, { ref: false })]);
  return Object.assign(dashboard, { closed: closed.promise });
}

async function handlerFor({
  config,
  handlers,
  routes,
  registry,
  sessionsPath,
  signal,
  log,
}: DashboardOptions): Promise<HandlerFor> {
  const { enableBasicAuth, secretMountPath, trustedProxies } = config;
  const credentials = enableBasicAuth ? await readCredentials(secretMountPath) : undefined;
  const sessions = await Sessions.open({ path: sessionsPath, credentials, log });
  const admission = new Admission({ sessions, isOpen: credentials === undefined, trustedProxies });
  const pageRoutes = [...sessionRoutes(admission, credentials), ...assetRoutes(await readAssets())];
  const app = createApp([...faasRoutes(handlers, registry), ...routes, ...pageRoutes], {
    config,
    admit: (ctx) => admission.admit(ctx),
    // The server of the API counts its requests in the one that is scraped.
    registry: new Registry(),
    log,
    closing: signal,
  });
  const system = { web: app.callback() };
  const call = admission.guarded(handlers.functionProxy);
  const queue = handlers.asyncFunction && admission.guarded(handlers.asyncFunction);
  return (method, path) => {
    if (path.startsWith('/function/')) return call;
    return (method === 'POST' && path.startsWith('/async-function/') && queue) || system;
  };
}

/** Listens as soon as the port is free. */
async function listen(
  server: Server,
  { port, config, signal, log }: DashboardOptions,
  dashboard: Dashboard,
): Promise<void> {
  let problem: string | undefined;
  while (!signal.aborted) {
    const failed = await tryListening(server, port, config.bind);
    if (failed === undefined) {
      // It was asked to close meanwhile, when there was nothing to be closed yet.
      if (signal.aborted) return void server.close();
      // Such as no file descriptor left for a new connection: the others go on.
      server.on('error', (error) => log.error('dashboard server failed', { error }));
      dashboard.parts = [{ name: 'dashboard', healthy: true }];
      dashboard.port = (server.address() as AddressInfo).port;
      return log.info('dashboard serves', { address: config.bind, port: dashboard.port });
    }
    if (failed !== problem) log.warn(failed);
    problem = failed;
    dashboard.parts = [{ name: 'dashboard', healthy: false, problem, mend: `ss -ltnp 'sport = :${port}'` }];
    await sleep(againMs, undefined, { ref: false, signal }).catch(() => {});
  }
}

async function tryListening(server: Server, port: number, bind: string | undefined): Promise<string | undefined> {
  try {
    server.listen({ port, host: bind });
    await once(server, 'listening');
    return undefined;
  } catch (error) {
    return `cannot listen for the dashboard on port ${port}: free the port, or choose another by ui_port (${describeError(error)})`;
  }
}

/** Gives the port up at once, and resolves when every connection has ended. */
async function close(server: Server, drainMs: number): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // Node keeps a connection open after its last answer.
  const idle = setInterval(() => server.closeIdleConnections(), idleLookMs);
  const late = setTimeout(() => server.closeAllConnections(), drainMs);
  await closed;
  clearInterval(idle);
  clearTimeout(late);
}
