import {
  ConfigError,
  defaultConfig,
  faasSettings,
  oneOf,
  parseDnsSearch,
  parseDnsServers,
  parseMemory,
  parseNetworkTargets,
  path,
  port,
  pullPolicies,
  readSettings,
  searchForm,
  serversForm,
  setting,
  timeout,
  wholeNumber,
  type Environment,
  type FaaSConfig,
  type SettingValues,
} from '../provider/index.ts';
import { parseSecondsOrGoDuration } from '../base/go-duration.ts';
import type { LogLevel } from '../base/log.ts';
import { asyncSettings } from './async-settings.ts';
import { kubernetesSettings } from './kubernetes-settings.ts';

const modes = ['gateway', 'provider'] as const;
const backEnds = ['containerd', 'kubernetes'] as const;
const ociRuntimes = ['runc', 'crun'] as const;
const logLevels = ['debug', 'info', 'warn', 'error'] as const satisfies LogLevel[];

const ownProxies = '127.0.0.1,::1';

const address = { parse: String, unit: 'an address' };
const network = { parse: String, unit: 'a network such as 10.9.0.0/16' };
const folder = { parse: (text: string) => (text === 'none' ? undefined : text), unit: 'a path, or none' };
const pathList = { parse: (paths: string) => paths.split(':'), unit: 'paths with : between them' };
const networkTargets = {
  parse: (list: string) => (list === 'none' ? [] : parseNetworkTargets(list)),
  unit: 'a list such as functions, host:5432, 192.168.0.0/16, where host alone is any port of it; or none',
};
/** The longest that a timer holds stands for ever. */
const patience = { ...timeout, parse: (duration: string) => timeout.parse(duration) || 2 ** 31 - 1 };
const age = { parse: toAgeMs, unit: 'seconds or a duration such as 168h' };
const memory = (text: string) => parseMemory(text);
const limit = { ...timeout, parse: (duration: string) => timeout.parse(duration) || undefined };

/** The daemon's settings. docs/settings.md and berth.env are printed from them: `npm run settings`. */
export const daemonSettings = {
  mode: setting(
    'mode',
    'gateway',
    oneOf(modes),
    '`provider`: the bare faas-provider API for an OpenFaaS gateway in front, on port 8081 where `port` is not set',
  ),
  ...faasSettings,
  bind: setting('bind', '0.0.0.0', address, 'address to listen on'),
  enableBasicAuth: { ...faasSettings.enableBasicAuth, default: 'true' },
  secretMountPath: { ...faasSettings.secretMountPath, default: '/etc/berth/auth' },
  readTimeoutMs: { ...faasSettings.readTimeoutMs, default: '60' },
  writeTimeoutMs: { ...faasSettings.writeTimeoutMs, default: '60' },
  trustedProxies: {
    ...faasSettings.trustedProxies,
    default: ownProxies as string | undefined,
    meaning:
      'proxies whose `X-Forwarded-*` and `Forwarded` headers are believed; `none`: nobody; with `mode=provider` functions are told what anybody says, unless it is set',
  },
  upstreamTimeoutMs: setting('upstream_timeout', '0', limit, 'limit of one call, answered 504; `0`: none'),
  startTimeoutMs: setting(
    'start_timeout',
    '120',
    patience,
    'how long a new version may take to be ready, its pull apart, before the old one stays instead; longer where its own probes allow it; `0`: for ever',
  ),
  hungTimeoutMs: setting(
    'hung_timeout',
    '60',
    patience,
    'how long a replica with calls under way may answer neither them nor probes before it is replaced, unless its `write_timeout` is longer; `0`: for ever',
  ),
  upgradeDrainMs: setting(
    'upgrade_drain',
    '30',
    timeout,
    'how long calls in flight may go on after SIGTERM, as at an upgrade, while the next berth serves already; then event streams and WebSockets are ended',
  ),
  metricsPort: setting('metrics_port', '8082', port, 'port of `/metrics` on 127.0.0.1, without a password; `0`: none'),
  uiPort: setting(
    'ui_port',
    '8088',
    port,
    'port of the dashboard, which is an origin of its own, so that no page of a function reaches it; `0`: none',
  ),
  logLevel: setting('log_level', 'info', oneOf(logLevels), "the least important of berth's own log lines to write"),
  dataDir: setting('data_dir', '/var/lib/berth', path, 'what you want: functions, namespaces, secrets'),
  runDir: setting('run_dir', '/run/berth', path, 'what a reboot may take'),
  logDir: setting('log_dir', '/var/log/berth', path, 'histories of function logs'),
  logHistoryBytes: setting(
    'log_history',
    '4Mi',
    { parse: memory, unit: 'an amount such as 4Mi' },
    "what is kept of each function's newest lines",
  ),
  logRetentionMs: setting(
    'log_retention',
    '168h',
    age,
    'how long lines are kept, also of functions that were removed; `0`: for ever',
  ),
  logTotalBytes: setting(
    'log_total',
    '1Gi',
    { parse: memory, unit: 'an amount such as 1Gi' },
    'what the lines of all functions may take: where they are more, those of functions without replicas go before their time',
  ),
  journalLines: setting(
    'journal_lines',
    '10000',
    wholeNumber,
    'lines of one function, of 420 bytes on average, that go to the journal in 30 s; `0`: no limit',
  ),
  functionsDir: setting(
    'functions_dir',
    '/etc/berth/functions.d',
    folder,
    "functions as files, in faas-cli's stack format, applied as they change; `none`: no folder, and what came from one is removed",
  ),
  backend: setting(
    'backend',
    'containerd',
    oneOf(backEnds),
    'where functions run: on this host with `containerd`, or on a cluster with `kubernetes`',
  ),
  ...kubernetesSettings,
  containerdAddress: setting(
    'containerd_address',
    '/run/containerd/containerd.sock',
    path,
    'socket of containerd 1.6, 1.7 or 2.x',
  ),
  snapshotter: setting(
    'snapshotter',
    'overlayfs',
    { parse: String, unit: 'a name' },
    "containerd's snapshotter for new replicas; where containerd refuses `overlayfs`, `native` takes its place",
  ),
  diskLimitBytes: setting(
    'disk_limit',
    undefined,
    { parse: memory, unit: 'an amount such as 10Gi' },
    'most that a replica may write into its root file system; `0`: no limit; unset: `10Gi`, or half of the disk where that is less',
  ),
  cniBinDirs: setting('cni_bin_dirs', '/opt/cni/bin:/usr/lib/cni:/usr/libexec/cni', pathList, 'where CNI plugins are'),
  cniConf: setting('cni_conf', undefined, path, "your conflist, with the bridge plugin and host-local; unset: berth's"),
  subnet: setting('subnet', undefined, network, "functions' addresses; unset: the conflist's, berth's: `10.62.0.0/16`"),
  networkAllowMax: setting(
    'network_allow_max',
    undefined,
    networkTargets,
    'the most that the annotation `com.openfaas.network.allow` may ask for; `none`: nothing; unset: anything',
  ),
  dnsServers: setting(
    'dns_servers',
    undefined,
    { parse: parseDnsServers, unit: serversForm },
    "name servers of functions without the annotation `com.openfaas.dns.servers`; unset: the host's",
  ),
  dnsSearch: setting(
    'dns_search',
    undefined,
    { parse: parseDnsSearch, unit: searchForm },
    "search domains of functions without the annotation `com.openfaas.dns.search`; `.`: none; unset: the host's",
  ),
  ociRuntime: setting(
    'oci_runtime',
    'runc',
    oneOf(ociRuntimes),
    "what containerd's shim makes processes of new replicas with; crun must be installed, and Debian 12's takes no hybrid cgroups",
  ),
  networksReady: setting(
    'networks_ready',
    '2',
    wholeNumber,
    'network namespaces with addresses that are kept ready for new replicas; `0`: each is made when it is needed',
  ),
  pullPolicy: setting(
    'pull_policy',
    undefined,
    oneOf(pullPolicies),
    'when images are pulled; unset: `IfNotPresent` for a digest, else `Always`, falling back to the image that is present when the registry cannot be reached',
  ),
  hostsDir: setting(
    'hosts_dir',
    '/etc/containerd/certs.d',
    path,
    "mirrors and certificates of registries: containerd's `hosts.toml` files",
  ),
  dockerConfig: setting('docker_config', '/etc/berth/docker/config.json', path, 'registry logins, of `docker login`'),
  ...asyncSettings,
};

/** What the settings say, read: FaaSConfig for the server, and what only the daemon has. */
export type Config = FaaSConfig & SettingValues<typeof daemonSettings>;

/**
 * Reads the daemon's config from its environment variables; an empty variable counts as absent.
 * @throws ConfigError naming the variable, when its value cannot be read
 */
export function readDaemonConfig(env: Environment): Config {
  const { mode } = readSettings({ mode: daemonSettings.mode }, env);
  const tcpPort = { ...daemonSettings.tcpPort, default: mode === 'provider' ? '8081' : '8080' };
  // What is in front of a provider is a gateway, wherever it is.
  const trustedProxies = { ...daemonSettings.trustedProxies, default: mode === 'provider' ? undefined : ownProxies };
  return { ...defaultConfig, ...readSettings({ ...daemonSettings, tcpPort, trustedProxies }, env) };
}

/**
 * Reads every setting by itself; one that cannot be read counts as absent.
 * @returns the config, and why settings cannot be read
 */
export function examineDaemonConfig(env: Environment): { config: Config; problems: string[] } {
  const readable = { ...env };
  const problems: string[] = [];
  for (const setting of Object.values(daemonSettings)) {
    try {
      readSettings({ setting }, env);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(error.message);
      delete readable[setting.name];
    }
  }
  return { config: readDaemonConfig(readable), problems };
}

/** Lists the variables that settings come from. */
export function settingNames(): string[] {
  return Object.values(daemonSettings).map(({ name }) => name);
}

function toAgeMs(text: string): number {
  const ms = parseSecondsOrGoDuration(text);
  if (ms < 0) throw new RangeError('below 0');
  return ms || Infinity;
}
