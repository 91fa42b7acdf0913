import { parseSecondsOrGoDuration } from '../base/go-duration.ts';

/** Settings of the HTTP server, in faas-provider's vocabulary. Source: https://github.com/openfaas/faas-provider/blob/master/types/config.go */
export interface FaaSConfig {
  /** 0 takes any free port. */
  tcpPort: number;
  /** The address to listen on; every address when absent. */
  bind?: string;
  /** How long the headers of a request may take, and how long its body may stand still; 0 is no limit. */
  readTimeoutMs: number;
  /** How long a caller may take nothing of an answer that waits for it; 0 is no limit. Quiet streams are not cut. */
  writeTimeoutMs: number;
  /** Serve GET /healthz. */
  enableHealth: boolean;
  /** Ask for the user and password kept in `secretMountPath`. */
  enableBasicAuth: boolean;
  /** Folder of the files `basic-auth-user` and `basic-auth-password`. */
  secretMountPath: string;
  /** Idle connections kept to all replicas together. */
  maxIdleConns: number;
  /** Idle connections kept to one replica. */
  maxIdleConnsPerHost: number;
  /** Largest body of a /system request; invocations have no limit. */
  bodyLimitBytes: number;
  /** The namespace meant where none is given. `faas-cli invoke` always says `openfaas-fn`. */
  defaultNamespace: string;
}

/** The operator's to mend: a setting or a credentials file. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

export const defaultConfig: FaaSConfig = {
  tcpPort: 8080,
  readTimeoutMs: 10_000,
  writeTimeoutMs: 10_000,
  enableHealth: true,
  enableBasicAuth: false,
  secretMountPath: '/run/secrets/',
  maxIdleConns: 1024,
  maxIdleConnsPerHost: 1024,
  bodyLimitBytes: 1_048_576,
  defaultNamespace: 'openfaas-fn',
};

type Environment = Record<string, string | undefined>;

/**
 * The config from faas-provider's environment variables; an empty variable counts as absent. Throws ConfigError naming
 * the variable.
 */
export function readConfig(env: Environment): FaaSConfig {
  return {
    ...defaultConfig,
    tcpPort: read(env, 'port', defaultConfig.tcpPort, toPort),
    readTimeoutMs: read(env, 'read_timeout', defaultConfig.readTimeoutMs, toTimeoutMs),
    writeTimeoutMs: read(env, 'write_timeout', defaultConfig.writeTimeoutMs, toTimeoutMs),
    enableBasicAuth: read(env, 'basic_auth', defaultConfig.enableBasicAuth, toBoolean),
    secretMountPath: read(env, 'secret_mount_path', defaultConfig.secretMountPath, String),
    maxIdleConns: read(env, 'max_idle_conns', defaultConfig.maxIdleConns, toCount),
    maxIdleConnsPerHost: read(env, 'max_idle_conns_per_host', defaultConfig.maxIdleConnsPerHost, toCount),
    defaultNamespace: read(env, 'function_namespace', defaultConfig.defaultNamespace, String),
  };
}

function read<T>(env: Environment, variable: string, otherwise: T, parse: (text: string) => T): T {
  const text = env[variable]?.trim();
  if (!text) return otherwise;
  try {
    return parse(text);
  } catch (error) {
    throw new ConfigError(`${variable}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function toPort(text: string): number {
  const port = toCount(text);
  if (port > 65_535) throw new RangeError(`${JSON.stringify(text)} is not a port: write 0 to 65535`);
  return port;
}

function toCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count))
    throw new RangeError(`${JSON.stringify(text)} is not a whole number`);
  return count;
}

function toTimeoutMs(text: string): number {
  const ms = parseSecondsOrGoDuration(text);
  // Node's timers hold 2^31 - 1 ms, about 24 days.
  if (ms < 0 || ms > 2 ** 31 - 1)
    throw new RangeError(`${JSON.stringify(text)} is not a timeout: write 0 to 24 days, such as 60 (seconds) or 1m30s`);
  return Math.ceil(ms);
}

function toBoolean(text: string): boolean {
  if (text === 'true' || text === '1') return true;
  if (text === 'false' || text === '0') return false;
  throw new RangeError(`${JSON.stringify(text)} is neither true nor false`);
}
