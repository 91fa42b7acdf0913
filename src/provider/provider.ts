import type {
  FunctionDeployment,
  FunctionName,
  FunctionStatus,
  LogMessage,
  LogRequest,
  Namespace,
  ProviderInfo,
  Secret,
  SecretName,
} from './types.ts';

/**
 * What a back end implements to be an OpenFaaS provider. The SDK has parsed and checked every argument; a verb throws a
 * `ProviderError` (errors.ts) for what the caller must know, anything else is answered 500 without its message.
 * The optional members answer 501 where they are missing.
 */
export interface Provider {
  info(): Promise<ProviderInfo>;

  /** Create. Throws FunctionExistsError (409). */
  deploy(deployment: FunctionDeployment): Promise<DeployOutcome>;
  /** Replace. Throws FunctionNotFoundError (404), the sign for faas-cli to create instead. */
  update(deployment: FunctionDeployment): Promise<DeployOutcome>;
  remove(name: FunctionName): Promise<void>;
  list(namespace: string): Promise<FunctionStatus[]>;
  status(name: FunctionName, options: StatusOptions): Promise<FunctionStatus>;
  scale(name: FunctionName, replicas: number, options?: ScaleOptions): Promise<void>;

  /** Back to the version before the last update. Throws ProviderError (409) when there is none. */
  rollBack?(name: FunctionName): Promise<void>;

  /**
   * One endpoint that takes calls now. With `waitMs` the call is held that long for one to become free.
   * Throws FunctionNotFoundError, NoEndpointsError (nothing ready) or TooManyRequestsError (all at max_inflight).
   */
  resolve(name: FunctionName, options: ResolveOptions): Promise<Endpoint>;

  /**
   * Throws FunctionNotFoundError before any line; lines of a function that was removed may still be given. They end when
   * `follow` is false and all kept ones were given, or when the signal aborts.
   */
  logs?(request: LogRequest, signal: AbortSignal): Promise<AsyncIterable<LogMessage>>;

  secrets?: SecretVerbs;
  namespaces?: NamespaceVerbs;
}

/** `ready`: the new version takes calls. `accepted`: it was stored and is being started. */
export type DeployOutcome = 'ready' | 'accepted';

export interface StatusOptions {
  /** Add cpu and memory usage. */
  usage: boolean;
}

export interface ScaleOptions {
  /** False when the count follows the load and may be lost in a power cut; true when absent. */
  durable?: boolean;
}

export interface ResolveOptions {
  /** How long to hold the call for an endpoint, in milliseconds; 0 fails at once. */
  waitMs?: number;
  /** Aborts when the caller leaves. */
  signal?: AbortSignal;
}

/** One replica's HTTP address, held until `release`: whoever routes counts what is in flight by it. */
export interface Endpoint {
  hostname: string;
  port: number;
  /** When the replica began to take calls, in milliseconds since the epoch: a fresh one may still answer "not ready yet". */
  readySinceMs?: number;
  /** Tell the router how the call ended; exactly once. */
  release(outcome: CallOutcome): void;
}

export interface CallOutcome {
  /** The function's HTTP status, when it answered. */
  status?: number;
  /** The answer came from the watchdog about its process (`X-OpenFaaS-Internal`), not from the function. */
  watchdogError?: boolean;
  /** The call broke: could not connect, connection lost, over the time limit, or the caller left. */
  failure?: 'unreachable' | 'reset' | 'timeout' | 'aborted';
}

export interface SecretVerbs {
  list(namespace: string): Promise<SecretName[]>;
  /** Throws SecretExistsError (409). */
  create(secret: Secret): Promise<void>;
  /** Throws SecretNotFoundError (404). */
  update(secret: Secret): Promise<void>;
  /** Throws SecretNotFoundError (404). */
  remove(name: SecretName): Promise<void>;
}

export interface NamespaceVerbs {
  list(): Promise<string[]>;
  /** Throws NamespaceNotFoundError (404). */
  get(name: string): Promise<Namespace>;
  /** Throws NamespaceExistsError (409). */
  create(namespace: Namespace): Promise<void>;
  update(namespace: Namespace): Promise<void>;
  remove(name: string): Promise<void>;
}
