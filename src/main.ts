/** The daemon: environment -> config -> wiring -> serve; signals. The only file that reads process.env or exits. */
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { machine } from 'node:os';
import path from 'node:path';
import { Registry } from '@prometheus-io/client';
import { readDaemonConfig, type Config } from './config.ts';
import { Containerd } from './containerd/index.ts';
import { ContainerdProvider, Images, Network } from './functions/index.ts';
import { gatewayHandlers } from './gateway/index.ts';
import { createLog, describeError, type Log } from './log.ts';
import { LogStore } from './logs/index.ts';
import { serve, type VersionInfo } from './provider/index.ts';
import { dockerConfigCredentials, hostPlatform, RegistryClient } from './registry/index.ts';

const oldestNode = 24;
const snapshotter = 'overlayfs';
const checkout = path.join(import.meta.dirname, '..');

async function run(config: Config, log: Log): Promise<void> {
  const version = readVersion();
  const containerd = new Containerd({ address: config.containerdAddress });
  await mkdir(config.runDir, { recursive: true, mode: 0o711 });
  const provider = await openProvider(config, containerd, version, log);
  const registry = new Registry();
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());

  const handlers = gatewayHandlers({
    provider,
    config: config.faas,
    version,
    upstreamTimeoutMs: config.upstreamTimeoutMs,
    ready: () => provider.ready,
    registry,
    log,
  });
  await provider.start();
  const server = await serve(handlers, config.faas, { signal: stopping.signal, log, registry });
  log.info('berth serves', { address: server.address, port: server.port, release: version.release });
  await server.closed;
  await provider.stop();
  containerd.close();
  log.info('berth stopped, functions run on');
}

async function openProvider(
  config: Config,
  containerd: Containerd,
  version: VersionInfo,
  log: Log,
): Promise<ContainerdProvider> {
  const { env } = process;
  const network = await Network.open({
    conflistPath: config.cniConf ?? path.join(checkout, 'cni', '10-openfaas.conflist'),
    cniBinDirs: config.cniBinDirs,
    runDir: config.runDir,
    subnet: config.subnet,
    gatewayPort: config.faas.tcpPort,
    log,
  });
  const images = new Images({
    containerd,
    registry: new RegistryClient({
      credentials: dockerConfigCredentials({ file: config.dockerConfig, env }),
      proxyEnv: env,
      userAgent: `berth/${version.release}`,
      log,
    }),
    snapshotter,
    platform: hostPlatform(machine()),
    log,
  });
  return ContainerdProvider.open({
    containerd,
    images,
    network,
    logs: new LogStore({ dir: config.logDir, log }),
    snapshotter,
    dataDir: config.dataDir,
    runDir: config.runDir,
    defaultNamespace: config.faas.defaultNamespace,
    pullPolicy: config.pullPolicy,
    version,
    at: (point) => {
      if (point === env.berth_crash_at) process.kill(process.pid, 'SIGKILL');
    },
    log,
  });
}

function readVersion(): VersionInfo {
  const { version } = JSON.parse(readFileSync(path.join(checkout, 'package.json'), 'utf8')) as { version: string };
  return { release: version, sha: 'unknown', commit_message: '' };
}

async function main(): Promise<void> {
  const journal = process.env.JOURNAL_STREAM !== undefined;
  try {
    if (Number(process.versions.node.split('.')[0]) < oldestNode) {
      throw new Error(
        `Node.js ${process.version} is too old: berth needs ${oldestNode} or newer, see install.sh runtime`,
      );
    }
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
