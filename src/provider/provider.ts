import type { EventSource } from './event-feed.ts';
import type { Peers } from './peers.ts';
import type {
  FunctionDeployment,
  FunctionMeasure,
  FunctionName,
  FunctionStatus,
  HostFacts,
  LogMessage,
  LogRequest,
  Namespace,
  ProviderInfo,
  PullProgress,
  ReplicaStatus,
  Secret,
  SecretName,
} from './types.ts';

/**
 * What a back end implements to be an OpenFaaS provider. The SDK has parsed and checked every argument. A verb throws a
 * ProviderError, or a kind of it, for what the caller must know; anything else is answered 500 without its message. The
 * optional members answer 501 where they are missing.
 */
export interface Provider {
  /** Says who the provider is, for GET /system/info. */
  info(): Promise<ProviderInfo>;

  /**
   * Creates a function. faas-cli gives up after 60 s, so what takes longer is answered `accepted` before and goes on.
   * @throws FunctionExistsError (409) when there is a function of this name
   * @throws NamespaceNotFoundError, answered 400, when there is no such namespace
   * @throws BadRequestError for what else the caller must mend, such as an image that is not there
   */
  deploy(deployment: FunctionDeployment, options?: DeployOptions): Promise<DeployOutcome>;

  /**
   * Replaces all of a function's deployment; what was not sent is gone. The old version serves on when the new one fails.
   * @throws FunctionNotFoundError (404) when there is no such function, at which faas-cli creates it instead
   * @throws NamespaceNotFoundError, answered 400, when there is no such namespace
   * @throws BadRequestError for what else the caller must mend, such as an image that is not there
   */
  update(deployment: FunctionDeployment, options?: DeployOptions): Promise<DeployOutcome>;

  /**
   * Removes a function. It is unknown to every other verb as soon as this resolves; its replicas may still be ending.
   * @throws FunctionNotFoundError (404) when there is no such function
   */
  remove(name: FunctionName): Promise<void>;

  /**
   * Lists all functions of a namespace, in any order; none are an empty list. `usage` may be left out.
   * @throws NamespaceNotFoundError (404) when there is no such namespace
   */
  list(namespace: string): Promise<FunctionStatus[]>;

  /**
   * Describes one function.
   * @throws FunctionNotFoundError (404) when there is no such function
   */
  status(name: FunctionName, options: StatusOptions): Promise<FunctionStatus>;

  /**
   * Sets how many replicas a function should have, and resolves before they are there. 0 puts it to sleep: it stays
   * deployed and wakes when it is scaled up again. Any other whole number may be clamped to limits of the function.
   * @throws FunctionNotFoundError (404) when there is no such function
   */
  scale(name: FunctionName, replicas: number, options?: ScaleOptions): Promise<void>;

  /**
   * Makes the version before the last update the current one; done twice, the last one serves again.
   * @throws FunctionNotFoundError (404) when there is no such function
   * @throws ProviderError (409) when it has no previous version
   */
  rollBack?(name: FunctionName): Promise<void>;

  /**
   * Starts a function's replicas anew, with what their secrets hold now, and resolves before they are there. The old ones take
   * calls until the new ones do, and stay where those cannot be started. A function that sleeps goes on sleeping.
   * @throws FunctionNotFoundError (404) when there is no such function
   */
  restart?(name: FunctionName): Promise<void>;

  /**
   * Lists a function's replicas, in any order, those of a version that comes or goes too; one that sleeps has none.
   * @throws FunctionNotFoundError (404) when there is no such function
   */
  replicas?(name: FunctionName): Promise<ReplicaStatus[]>;

  /** Lists the images that are being pulled now, each once, whoever waits for it. It may be asked twice a second. */
  pulls?(): Promise<PullProgress[]>;

  /** Says how the host is. It may be asked every few seconds. */
  host?(): Promise<HostFacts>;

  /**
   * Lists the functions that came from files, by `file` of DeployOptions. Those whose file keeps them cannot be changed
   * through the API.
   */
  fromFiles?(): Promise<FunctionFromFile[]>;

  /**
   * Finds one endpoint that takes a call now, for each call anew. The SDK calls the endpoint's `release` once.
   * @throws FunctionNotFoundError, answered 503 to a caller, when there is no such function
   * @throws NoEndpointsError (503) when no replica is ready, or became ready within `waitMs`
   * @throws TooManyRequestsError (429) when every replica has as many calls as it takes
   */
  resolve(name: FunctionName, options: ResolveOptions): Promise<Endpoint>;

  /**
   * Does what `resolve` does where that needs no waiting; undefined says that it does, or that `resolve` has to say what is
   * wrong. A call that is resolved so costs less.
   */
  resolveNow?(name: FunctionName): Endpoint | undefined;

  /**
   * Finds a function's log lines, oldest first; those of a function that was removed may still be given. They end when
   * all that are kept were given and `follow` is false, or when the signal aborts. No lines are an empty stream.
   * @throws FunctionNotFoundError (404) before the first line, when there is no such function
   */
  logs?(request: LogRequest, signal: AbortSignal): Promise<AsyncIterable<LogMessage>>;

  /** Measures every function, for metrics: it may be asked every few seconds, and answers soon or with what it knew last. */
  measure?(): Promise<FunctionMeasure[]>;

  secrets?: SecretVerbs;
  namespaces?: NamespaceVerbs;

  /** What happened lately; berth's gateway tells there what it does itself, and has a feed of its own where this is absent. */
  events?: EventSource;

  /** The other gateways in front of the same back end; absent where there is but one, which then scales by what it knows. */
  peers?: Peers;
}

/** `ready`: the new version takes calls. `accepted`: it is stored and being started, and its status tells the rest. */
export type DeployOutcome = 'ready' | 'accepted';

export interface DeployOptions {
  /**
   * The file that the deployment comes from, for `fromFiles`. A function that is so already does not start anew for it. A
   * provider without `fromFiles` need not look at it.
   */
  file?: FunctionFile;
}

/** The file that a function comes from. */
export interface FunctionFile {
  path: string;
  /** Digest of what the file said last, where the file keeps the function so; absent where it was but applied once. */
  digest?: string;
}

export interface FunctionFromFile extends FunctionName {
  file: FunctionFile;
}

export interface StatusOptions {
  /** Add cpu and memory usage. */
  usage: boolean;
}

export interface ScaleOptions {
  /** False when the count follows the load and may be lost in a power cut; true when absent. */
  durable?: boolean;
  /** What wants it, to be told with the event; a person when absent. */
  by?: 'call' | 'load' | 'alert';
}

export interface ResolveOptions {
  /** How long to hold the call for a replica to become ready, in milliseconds; 0, or absent, throws at once. */
  waitMs?: number;
  /** Aborts when the caller leaves. */
  signal?: AbortSignal;
}

/** One replica's HTTP address, held until `release`: whoever routes counts what is in flight by it. */
export interface Endpoint {
  /** An IP address, or a name that resolves to one. */
  hostname: string;
  port: number;
  /**
   * When the replica began to take calls, as `performance.now()` gives it, which no step of the wall clock moves: a fresh one
   * may still answer "not ready yet".
   */
  readySinceMs?: number;
  /** It is another gateway, and is sent the whole of the caller's path. */
  isGateway?: boolean;
  /** Tells whoever routes how the call ended; called exactly once. */
  release(outcome: CallOutcome): void;
}

/** How a call ended: with the function's answer, or broken. */
export interface CallOutcome {
  /** The function's HTTP status, when it answered. */
  status?: number;
  /** The answer came from the watchdog about its process (`X-OpenFaaS-Internal`), not from the function. */
  watchdogError?: boolean;
  /** The call broke: could not connect, connection lost, over the time limit, the caller left, or the server is ending. */
  failure?: 'unreachable' | 'reset' | 'timeout' | 'aborted' | 'cut';
}

/** The verbs behind /system/secrets. Each throws NamespaceNotFoundError (404) when there is no such namespace. */
export interface SecretVerbs {
  /** Lists a namespace's secrets without their values; none are an empty list. */
  list(namespace: string): Promise<SecretName[]>;
  /**
   * Stores a new secret. Its value may be any bytes, also none.
   * @throws SecretExistsError (409) when there is a secret of this name
   */
  create(secret: Secret): Promise<void>;
  /**
   * Replaces a secret's value; functions may see the new one only when they start again.
   * @throws SecretNotFoundError (404) when there is no such secret
   */
  update(secret: Secret): Promise<void>;
  /**
   * Removes a secret; functions that were given it keep it until they end.
   * @throws SecretNotFoundError (404) when there is no such secret
   */
  remove(name: SecretName): Promise<void>;
}

/** The verbs behind /system/namespaces and /system/namespace/NAME. */
export interface NamespaceVerbs {
  /** Lists the namespaces that functions can be in, the default one included. */
  list(): Promise<string[]>;
  /** @throws NamespaceNotFoundError (404) when there is no such namespace */
  get(name: string): Promise<Namespace>;
  /** @throws NamespaceExistsError (409) when there is a namespace of this name */
  create(namespace: Namespace): Promise<void>;
  /**
   * Replaces all of a namespace's labels and annotations.
   * @throws NamespaceNotFoundError (404) when there is no such namespace
   */
  update(namespace: Namespace): Promise<void>;
  /**
   * Removes a namespace that no function is in.
   * @throws NamespaceNotFoundError (404) when there is no such namespace
   * @throws ProviderError (409) when something is in it still
   */
  remove(name: string): Promise<void>;
}
