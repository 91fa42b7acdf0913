/**
 * The shapes of the OpenFaaS provider API, in one vocabulary: the wire's `service`, `serviceName` and `functionName` are
 * all `name` here; parse.ts translates. Field names otherwise are the wire's own.
 * Source: https://github.com/openfaas/faas-provider/tree/master/types
 */

/** A function's address: `name` within `namespace`, both DNS-1123 labels. */
export interface FunctionName {
  name: string;
  namespace: string;
}

/** Kubernetes quantities, as sent: memory such as `64Mi` (bytes), cpu such as `100m` (cores), how many GPUs of a maker. */
export interface FunctionResources {
  memory?: string;
  cpu?: string;
  'nvidia.com/gpu'?: string;
  'amd.com/gpu'?: string;
  'intel.com/gpu'?: string;
}

/** What the caller wants to run; absent fields were not sent. */
export interface FunctionDeployment extends FunctionName {
  /** Image reference exactly as typed, e.g. `alpine:latest`. */
  image: string;
  /** The process that the watchdog starts for each request, given to the function as `fprocess`. */
  envProcess?: string;
  envVars?: Record<string, string>;
  constraints?: string[];
  /** Names of secrets in the same namespace, mounted at /var/openfaas/secrets/NAME. */
  secrets?: string[];
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  limits?: FunctionResources;
  requests?: FunctionResources;
  readOnlyRootFilesystem?: boolean;
}

export interface FunctionUsage {
  /** Millicores, summed over the replicas. */
  cpu: number;
  /** Working set in bytes, summed over the replicas. */
  totalMemoryBytes: number;
}

/** What a function's replicas use, and have gone through since the provider's start. */
export interface FunctionMeasure extends FunctionName {
  /** CPU time of all its replicas so far, of those that are gone as well. */
  cpuSeconds: number;
  /** Working set in bytes, summed over the replicas. */
  memoryBytes: number;
  /** How often its processes ended by themselves or were ended for what they did. */
  restarts: number;
  /** How often the kernel killed in it for want of memory. */
  oomKills: number;
}

export interface FunctionStatus extends FunctionDeployment {
  /** Wanted replicas. */
  replicas: number;
  /** Replicas that take calls now. */
  availableReplicas: number;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  invocationCount?: number;
  /** RFC 3339. */
  createdAt?: string;
  usage?: FunctionUsage;
  /** Beyond the contract, and in the status of one function alone; clients of OpenFaaS ignore it. */
  berth?: FunctionFacts;
}

/** What a back end knows of a function's life; what is absent has not happened, or is not known. */
export interface FunctionFacts {
  /** Digest of the image that runs. */
  imageDigest?: string;
  /** Ids of the replicas that take calls. */
  ready?: string[];
  /** Why the version is not ready. */
  reason?: string;
  /** How often its processes were started again. */
  restarts?: number;
  /** How a process ended last, and when. */
  lastExit?: string;
  /** Why the last update failed or was rolled back, and when. */
  failedUpdate?: string;
  /** What is wrong with its labels. */
  warnings?: string[];
  /** Path of the file that it comes from. */
  file?: string;
  /** When its schedules call it next. */
  nextRuns?: string[];
}

export interface SecretName {
  name: string;
  namespace: string;
}

export interface Secret extends SecretName {
  /** Exact bytes; only where a secret is written, never in an answer. */
  value: Buffer;
}

export interface Namespace {
  name: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

export interface LogRequest extends FunctionName {
  /** Only this replica's lines. */
  instance?: string;
  /** Only lines written after this moment. */
  since?: Date;
  /** Only the last n lines, at least 1; undefined means all that are kept. */
  tail?: number;
  /** Stay and stream new lines until the caller leaves. */
  follow: boolean;
}

export interface LogMessage extends FunctionName {
  /** The replica that wrote the line. */
  instance: string;
  /** RFC 3339 with up to nanoseconds. */
  timestamp: string;
  /** The line without its line feed. */
  text: string;
}

export interface VersionInfo {
  release: string;
  sha: string;
  commit_message?: string;
}

export interface ProviderInfo {
  /** The provider's name, e.g. `berth`. */
  provider: string;
  orchestration: string;
  version: VersionInfo;
}
