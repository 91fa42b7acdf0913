import path from 'node:path';
import { Registry } from '@prometheus-io/client';
import type { Log } from '../base/log.ts';
import type { PartHealth } from '../base/part-health.ts';
import { createGateway, partsRoute, serveMetrics } from '../gateway/index.ts';
import {
  handlersFor,
  serve,
  type Environment,
  type FaaSHandlers,
  type Provider,
  type VersionInfo,
} from '../provider/index.ts';
import { FunctionsFolder } from '../stack/index.ts';
import type { Config } from './config.ts';

/** What the daemon serves: a provider, and the life that it has beside its verbs. */
export interface BackEnd {
  readonly provider: Provider;
  /** Every function has had one attempt to be what it should be since the start. */
  readonly ready: boolean;
  /** How the host and each part of the back end are, where it knows. */
  readonly parts?: PartHealth[];
  /** The host's address on the bridge of functions, which speak plain HTTP to it. */
  readonly gateway?: string;
  start(): Promise<void>;
  /** Ends what is under way; functions run on. */
  stop(): Promise<void>;
}

export interface ServeDaemonOptions {
  config: Config;
  /** Variables for the files of functions_dir. */
  env: Environment;
  version: VersionInfo;
  signal: AbortSignal;
  log: Log;
}

/** Runs a back end and serves its API in the config's mode, until the signal aborts. */
export async function serveDaemon(backEnd: BackEnd, options: ServeDaemonOptions): Promise<void> {
  await backEnd.start();
  const folder = folderOf(backEnd, options);
  void folder.run(options.signal);
  await (options.config.mode === 'provider' ? serveProvider : serveGateway)(backEnd, folder, options);
  await backEnd.stop();
  options.log.info('berth stopped, functions run on');
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
async function serveGateway(
  backEnd: BackEnd,
  folder: FunctionsFolder,
  { config, version, signal, log }: ServeDaemonOptions,
): Promise<void> {
  const { upstreamTimeoutMs, metricsPort: port } = config;
  const { provider } = backEnd;
  const registry = new Registry();
  const ready = () => backEnd.ready;
  const parts = () => partsOf(backEnd, folder);
  const countsPath = path.join(config.dataDir, 'counts.json');
  const of = { provider, config, version, upstreamTimeoutMs, ready, parts, countsPath, registry, log };
  const gateway = createGateway(of);
  await gateway.counts?.read();
  const handlers = hurryingFolder(gateway.handlers, folder);
  const plainOn = plainOnOf(backEnd);
  const server = await serve(handlers, config, { signal, log, registry, plainOn, extraRoutes: gateway.routes });
  const metrics = port > 0 ? await serveMetrics({ port, registry, ready, signal, log }) : undefined;
  const { release, sha } = version;
  log.info('berth serves', { address: server.address, port: server.port, release, sha });
  await Promise.all([server.closed, metrics?.closed, gateway.autoscale(signal), gateway.counts?.run(signal)]);
  await gateway.counts?.write();
}

/** The bare provider API, for an OpenFaaS gateway in front. */
async function serveProvider(backEnd: BackEnd, folder: FunctionsFolder, options: ServeDaemonOptions): Promise<void> {
  const { config, version, signal, log } = options;
  const plain = handlersFor(backEnd.provider, config, { upstreamTimeoutMs: config.upstreamTimeoutMs, log });
  const handlers = hurryingFolder(plain, folder);
  const parts = partsRoute(() => ({ ready: backEnd.ready, parts: partsOf(backEnd, folder) }));
  const server = await serve(handlers, config, { signal, log, plainOn: plainOnOf(backEnd), extraRoutes: [parts] });
  const { release, sha } = version;
  log.info('berth serves as a provider', { address: server.address, port: server.port, release, sha });
  await server.closed;
}

function plainOnOf({ gateway }: BackEnd): string[] {
  return gateway === undefined ? [] : [gateway];
}
