/** The daemon: environment -> config -> wiring -> serve; signals. The only file that reads process.env or exits. */
import { mkdir } from 'node:fs/promises';
import { machine } from 'node:os';
import path from 'node:path';
import { Registry } from '@prometheus-io/client';
import { readDaemonConfig, readVersion, type Config } from './daemon/index.ts';
import { Containerd } from './containerd/index.ts';
import { ContainerdProvider, Images, Network } from './backends/containerd/index.ts';
import { createGateway, serveMetrics } from './gateway/index.ts';
import { createLog, describeError, type Log } from './base/log.ts';
import { LogStore } from './logs/index.ts';
import { handlersFor, serve, type VersionInfo } from './provider/index.ts';
import { dockerConfigCredentials, hostPlatform, RegistryClient } from './registry/index.ts';

/** The first with `shouldUpgradeCallback`, which refuses upgrades of everything but functions. */
const oldestNode = [24, 9];
const snapshotter = 'overlayfs';
const checkout = path.join(import.meta.dirname, '..');

async function run(config: Config, log: Log): Promise<void> {
  const stopping = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stopping.abort());
  const { signal } = stopping;
  const version = await readVersion(checkout);
  const containerd = new Containerd({ address: config.containerdAddress });
  const provider = await openProvider(config, containerd, version, log);
  await provider.start();
  await (config.mode === 'provider' ? serveProvider : serveGateway)({ config, provider, version, signal, log });
  await provider.stop();
  containerd.close();
  log.info('berth stopped, functions run on');
}

interface Serving {
  config: Config;
  provider: ContainerdProvider;
  version: VersionInfo;
  signal: AbortSignal;
  log: Log;
}

/** The provider and the gateway API in one, until the signal aborts. */
async function serveGateway({ config, provider, version, signal, log }: Serving): Promise<void> {
  const { upstreamTimeoutMs, metricsPort: port } = config;
  const registry = new Registry();
  const ready = () => provider.ready;
  const gateway = createGateway({ provider, config, version, upstreamTimeoutMs, ready, registry, log });
  const server = await serve(gateway.handlers, config, { signal, log, registry, extraRoutes: gateway.routes });
  const metrics = port > 0 ? await serveMetrics({ port, registry, ready, signal, log }) : undefined;
  log.info('berth serves', { address: server.address, port: server.port, release: version.release, sha: version.sha });
  await Promise.all([server.closed, metrics?.closed, gateway.autoscale(signal)]);
}

/** The bare provider API, for an OpenFaaS gateway in front, until the signal aborts. */
async function serveProvider({ config, provider, version, signal, log }: Serving): Promise<void> {
  const handlers = handlersFor(provider, config, { upstreamTimeoutMs: config.upstreamTimeoutMs, log });
  const server = await serve(handlers, config, { signal, log });
  log.info('berth serves as a provider', {
    address: server.address,
    port: server.port,
    release: version.release,
    sha: version.sha,
  });
  await server.closed;
}

async function openProvider(
  config: Config,
  containerd: Containerd,
  version: VersionInfo,
  log: Log,
): Promise<ContainerdProvider> {
  const { env } = process;
  const { runDir } = config;
  await mkdir(runDir, { recursive: true, mode: 0o711 });
  const network = await Network.open({
    conflistPath: config.cniConf ?? path.join(checkout, 'cni', '10-openfaas.conflist'),
    cniBinDirs: config.cniBinDirs,
    runDir,
    subnet: config.subnet,
    gatewayPort: config.tcpPort,
    log,
  });
  const registry = new RegistryClient({
    credentials: dockerConfigCredentials({ file: config.dockerConfig, env }),
    hostsDir: config.hostsDir,
    proxyEnv: env,
    userAgent: `berth/${version.release}`,
    log,
  });
  return ContainerdProvider.open({
    containerd,
    images: new Images({ containerd, registry, snapshotter, platform: hostPlatform(machine()), log }),
    network,
    logs: new LogStore({ dir: config.logDir, log }),
    snapshotter,
    dataDir: config.dataDir,
    runDir,
    defaultNamespace: config.defaultNamespace,
    pullPolicy: config.pullPolicy,
    version,
    at: (point) => {
      if (point === env.berth_crash_at) process.kill(process.pid, 'SIGKILL');
    },
    log,
  });
}

function checkNode(): void {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = oldestNode;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new Error(`Node.js ${process.version} is too old: berth needs ${oldestNode.join('.')}, see install.sh runtime`);
}

async function main(): Promise<void> {
  const journal = process.env.JOURNAL_STREAM !== undefined;
  try {
    checkNode();
    const config = readDaemonConfig(process.env);
    await run(config, createLog({ level: config.logLevel, journal }));
  } catch (error) {
    createLog({ journal }).error(`berth cannot start: ${describeError(error)}`);
    process.exitCode = 1;
  }
  // Connections that nobody waits for must not hold the process.
  process.exit();
}

void main();
