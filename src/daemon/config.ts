import { checkLabel, ConfigError, readConfig, parseSecondsOrGoDuration, type FaaSConfig } from '../provider/index.ts';
import type { PullPolicy } from '../backends/containerd/index.ts';
import type { LogLevel } from '../base/log.ts';

export type Environment = Record<string, string | undefined>;

/** The daemon's settings, each from the environment variable of its name in snake case. */
export interface Config {
  faas: FaaSConfig;
  /** Limit of one call in milliseconds; absent: none. */
  upstreamTimeoutMs?: number;
  /** `provider`: the bare faas-provider API, for an OpenFaaS gateway in front. */
  mode: Mode;
  /** Port on loopback that serves metrics without a password; 0: none. */
  metricsPort: number;
  containerdAddress: string;
  /** Desired state: functions, namespaces, secrets. */
  dataDir: string;
  /** What a reboot may take. */
  runDir: string;
  /** Histories of function logs. */
  logDir: string;
  cniBinDirs: string[];
  /** A conflist of the operator's own. */
  cniConf?: string;
  /** Functions' addresses, in CIDR notation. */
  subnet?: string;
  pullPolicy?: PullPolicy;
  /** containerd's registry configuration, `hosts.toml` files. */
  hostsDir: string;
  /** Registry credentials. */
  dockerConfig: string;
  logLevel: LogLevel;
}

export type Mode = 'gateway' | 'provider';

/** Node's timers hold no more. */
const longestTimerMs = 2 ** 31 - 1;
const modes = ['gateway', 'provider'] as const satisfies Mode[];
const pullPolicies = ['Always', 'IfNotPresent', 'Never'] as const satisfies PullPolicy[];
const logLevels = ['debug', 'info', 'warn', 'error'] as const satisfies LogLevel[];

/** Throws ConfigError naming the variable. */
export function readDaemonConfig(env: Environment): Config {
  const text = (name: string) => env[name]?.trim() || undefined;
  const mode = oneOf('mode', text('mode'), modes) ?? 'gateway';
  const defaults = {
    port: mode === 'provider' ? '8081' : '8080',
    basic_auth: 'true',
    secret_mount_path: '/etc/berth/auth',
    read_timeout: '60',
    write_timeout: '60',
  };
  const faas = readConfig({ ...defaults, ...nonEmpty(env) });
  naming('function_namespace', () => checkLabel(faas.defaultNamespace, 'namespace'));
  return {
    faas: { ...faas, bind: text('bind') ?? '0.0.0.0' },
    mode,
    metricsPort: port('metrics_port', text('metrics_port')) ?? 8082,
    upstreamTimeoutMs: timeoutMs('upstream_timeout', text('upstream_timeout')),
    containerdAddress: text('containerd_address') ?? '/run/containerd/containerd.sock',
    dataDir: text('data_dir') ?? '/var/lib/berth',
    runDir: text('run_dir') ?? '/run/berth',
    logDir: text('log_dir') ?? '/var/log/berth',
    cniBinDirs: (text('cni_bin_dirs') ?? '/opt/cni/bin:/usr/lib/cni:/usr/libexec/cni').split(':'),
    cniConf: text('cni_conf'),
    subnet: text('subnet'),
    pullPolicy: oneOf('pull_policy', text('pull_policy'), pullPolicies),
    hostsDir: text('hosts_dir') ?? '/etc/containerd/certs.d',
    dockerConfig: text('docker_config') ?? '/etc/berth/docker/config.json',
    logLevel: oneOf('log_level', text('log_level'), logLevels) ?? 'info',
  };
}

function nonEmpty(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()));
}

function timeoutMs(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = naming(name, () => parseSecondsOrGoDuration(text));
  if (ms >= 0 && ms <= longestTimerMs) return ms || undefined;
  throw new ConfigError(`${name}: ${JSON.stringify(text)} is not a time limit: write 0 (none) to 24 days, such as 90s`);
}

function naming<T>(name: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new ConfigError(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function oneOf<T extends string>(name: string, text: string | undefined, allowed: readonly T[]): T | undefined {
  if (text === undefined) return undefined;
  const found = allowed.find((value) => value === text);
  if (!found) throw new ConfigError(`${name}: ${JSON.stringify(text)} is none of ${allowed.join(', ')}`);
  return found;
}

function port(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,5}$/.test(text) && Number(text) < 65_536) return Number(text);
  throw new ConfigError(`${name}: ${JSON.stringify(text)} is not a port: write 0 to 65535`);
}
