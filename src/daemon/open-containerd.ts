import { machine } from 'node:os';
import path from 'node:path';
import {
  ContainerdStorage,
  Images,
  Network,
  openBackEnd,
  type AtFaultPoint,
  type ContainerdBackEnd,
  type NetworkOptions,
  type Timing,
} from '../backends/containerd/index.ts';
import type { Log } from '../base/log.ts';
import { Containerd } from '../containerd/index.ts';
import { LogStore } from '../logs/index.ts';
import { EventFeed, type Environment, type VersionInfo } from '../provider/index.ts';
import { dockerConfigCredentials, hostPlatform, RegistryClient } from '../registry/index.ts';
import type { Config } from './config.ts';

/** The conflist that holds where `cni_conf` names no other. */
export const ownConflist = path.join(import.meta.dirname, '../../cni/10-openfaas.conflist');

export interface OpenContainerdOptions {
  config: Config;
  /** Variables that registry credentials and proxies come from, such as HTTPS_PROXY. */
  env: Environment;
  version: VersionInfo;
  /** What tests want shorter than `defaultTiming`. */
  timing?: Partial<Timing>;
  /** Called at each fault point. */
  at?: AtFaultPoint;
  log: Log;
}

/** Opens the back end on containerd as the config says; nothing runs until its `start`, containerd may be away. */
export async function openContainerd(options: OpenContainerdOptions): Promise<ContainerdBackEnd> {
  const { config, version, at, log } = options;
  const timing = { startMs: config.startTimeoutMs, hungMs: config.hungTimeoutMs, ...options.timing };
  const events = new EventFeed();
  const containerd = new Containerd({ address: config.containerdAddress });
  const platform = hostPlatform(machine());
  const storage = new ContainerdStorage({ containerd, wanted: config.snapshotter, log });
  const snapshotter = () => storage.snapshotter();
  const images = new Images({ events, containerd, registry: registryClient(options), snapshotter, platform, log });
  const network = await Network.open({ ...networkOptions(config, log), events });
  const logs = new LogStore({
    dir: config.logDir,
    journalLines: config.journalLines,
    historyBytes: config.logHistoryBytes,
    totalBytes: config.logTotalBytes,
    retentionMs: config.logRetentionMs,
    log,
  });
  const parts = { containerd, images, network, logs, storage };
  return openBackEnd({ ...parts, settings: config, version, timing, at, events, log });
}

/** Returns what the network of functions is opened with. */
export function networkOptions(config: Config, log: Log): NetworkOptions {
  const { cniConf: conflistPath = ownConflist, cniBinDirs, runDir, subnet } = config;
  const { tcpPort: gatewayPort, networkAllowMax: allowMax } = config;
  const dns = { servers: config.dnsServers, search: config.dnsSearch };
  return { conflistPath, cniBinDirs, runDir, subnet, gatewayPort, allowMax, dns, log };
}

function registryClient({ config, env, version, log }: OpenContainerdOptions): RegistryClient {
  return new RegistryClient({
    credentials: dockerConfigCredentials({ file: config.dockerConfig, env }),
    hostsDir: config.hostsDir,
    proxyEnv: env,
    userAgent: `berth/${version.release}`,
    log,
  });
}
