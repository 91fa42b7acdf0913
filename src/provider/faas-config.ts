import { checkLabel } from './names.ts';
import { roadNames, type RoadName } from './proxy/index.ts';
import {
  flag,
  oneOf,
  path,
  port,
  readSettings,
  setting,
  timeout,
  wholeNumber,
  type Environment,
} from './read-settings.ts';
import { TrustedProxies } from './trusted-proxies.ts';

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
  /** How long a connection of a caller may idle; longer than what is in front keeps it, so that we never close first. */
  keepAliveTimeoutMs: number;
  /** Serve GET /healthz. */
  enableHealth: boolean;
  /** Ask for the user and password kept in `secretMountPath`. */
  enableBasicAuth: boolean;
  /** Folder of the files `basic-auth-user` and `basic-auth-password`. */
  secretMountPath: string;
  /** The road that calls take to functions; both keep the same promises, `fast` costs less. */
  proxy: RoadName;
  /** Idle connections kept to all replicas together. */
  maxIdleConns: number;
  /** Idle connections kept to one replica. */
  maxIdleConnsPerHost: number;
  /** How long an idle connection to a replica is kept; 0 keeps none. */
  idleConnTimeoutMs: number;
  /** Largest body of a /system request; invocations have no limit. */
  bodyLimitBytes: number;
  /** The namespace meant where none is given. `faas-cli invoke` always says `openfaas-fn`. */
  defaultNamespace: string;
  /** Tell the label `faas_function` in list and status, as on Kubernetes; what is stored has it only when it was sent. */
  functionLabel: boolean;
  /** Origins whose pages may use what asks for the password; no page may when absent. */
  uiOrigins?: string[];
  /** File of the certificate to serve HTTPS with, in PEM; plain HTTP when absent. */
  tlsCert?: string;
  /** File of its key. */
  tlsKey?: string;
  /** Whose word on their callers is taken, such as X-Forwarded-For; functions are told anybody's when absent. */
  trustedProxies?: TrustedProxies;
}

const namespace = {
  parse: (name: string) => checkLabel(name, 'namespace'),
  unit: 'lower-case letters, digits and dashes',
};

const origins = {
  parse: (list: string) => list.split(',').map(toOrigin),
  unit: 'origins such as https://ui.example.com, with commas between',
};

/** @throws Error when the text is more than scheme, host and port, or less */
function toOrigin(text: string): string {
  const { origin, href } = new URL(text.trim());
  if (href !== `${origin}/`) throw new RangeError('no origin');
  return origin;
}

const proxies = {
  parse: (list: string) => new TrustedProxies(list),
  unit: 'addresses and networks such as 192.168.1.2, 10.0.0.0/8, with commas between; or none',
};

/**
 * The settings of FaaSConfig that have an environment variable, named as faas-provider names them.
 * Source: https://github.com/openfaas/faas-provider/blob/master/types/read_config.go
 */
export const faasSettings = {
  tcpPort: setting('port', '8080', port, 'port of the API and of functions; `0`: any free one'),
  readTimeoutMs: setting(
    'read_timeout',
    '10',
    timeout,
    'how long headers may take to arrive, and a body may stand still; `0`: no limit',
  ),
  writeTimeoutMs: setting(
    'write_timeout',
    '10',
    timeout,
    'how long a caller may take nothing of its answer; `0`: no limit',
  ),
  keepAliveTimeoutMs: setting(
    'keep_alive_timeout',
    '95',
    timeout,
    "how long a caller's connection may idle: longer than the load balancer in front keeps it (ALB 60 s, Google's 600 s); `0`: no limit",
  ),
  enableBasicAuth: setting(
    'basic_auth',
    'false',
    flag,
    'ask for the password on everything but `/function/`, POST `/async-function/` and `/healthz`',
  ),
  secretMountPath: setting(
    'secret_mount_path',
    '/run/secrets/',
    path,
    'folder with `basic-auth-user` and `basic-auth-password`',
  ),
  proxy: setting(
    'proxy',
    'fast',
    oneOf(roadNames),
    'the road that calls take to functions: `fast` costs less, `http-proxy` is the npm package; both keep the same promises',
  ),
  maxIdleConns: setting('max_idle_conns', '1024', wholeNumber, 'idle connections kept to all replicas together'),
  maxIdleConnsPerHost: setting('max_idle_conns_per_host', '1024', wholeNumber, 'idle connections kept to one replica'),
  idleConnTimeoutMs: setting(
    'idle_conn_timeout',
    '4',
    timeout,
    "how long an idle connection to a replica is kept: shorter than the function's server keeps it (5 s in many); `0`: not at all",
  ),
  defaultNamespace: setting('function_namespace', 'openfaas-fn', namespace, 'the namespace meant where none is given'),
  functionLabel: setting(
    'faas_function_label',
    'false',
    flag,
    "tell the label `faas_function` in lists and status, which OpenFaaS's certifier wants and `faas-cli diff` reports",
  ),
  uiOrigins: setting(
    'ui_origin',
    undefined,
    origins,
    'web pages that may use the API, such as a dashboard; the browser requests of all others are refused',
  ),
  tlsCert: setting(
    'tls_cert',
    undefined,
    path,
    'file with the certificate for HTTPS, in PEM, and those that vouch for it behind; read anew when it changes; unset: plain HTTP',
  ),
  tlsKey: setting('tls_key', undefined, path, 'file with its key, in PEM, without a passphrase'),
  trustedProxies: setting(
    'trusted_proxies',
    undefined,
    proxies,
    "whose `X-Forwarded-*` and `Forwarded` headers are believed; `none`: nobody's; unset: functions are told anybody's",
  ),
};

/**
 * Reads the config from faas-provider's environment variables; an empty variable counts as absent.
 * @throws ConfigError naming the variable, when its value cannot be read
 */
export function readConfig(env: Environment): FaaSConfig {
  return { enableHealth: true, bodyLimitBytes: 1_048_576, ...readSettings(faasSettings, env) };
}

/** The config of an empty environment. */
export const defaultConfig: FaaSConfig = readConfig({});
