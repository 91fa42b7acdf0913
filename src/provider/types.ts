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
  /** Id of the version that is its current one: a restart gives it a new one as well. */
  generation?: string;
  /** When that version was deployed, RFC 3339; a restart leaves it. */
  deployedAt?: string;
  /** Digest of the image that runs. */
  imageDigest?: string;
  /** The version that is being started, and takes over once it is ready. */
  candidate?: FunctionVersion;
  /** The version that a rollback makes the current one. */
  previous?: FunctionVersion;
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

/** One version of a function, beside the one that is described. */
export interface FunctionVersion {
  generation: string;
  image: string;
  imageDigest?: string;
  /** RFC 3339. */
  deployedAt: string;
}

/** One replica of a function, as it is now. */
export interface ReplicaStatus {
  id: string;
  /** Id of the version that it runs. */
  generation: string;
  /** `ready` takes calls, `unready` did, `stopping` ends the calls that it has. */
  state: 'starting' | 'ready' | 'unready' | 'stopping';
  /** Its IP address. */
  address?: string;
  /** When its process began, RFC 3339; absent where it does not run, or the provider cannot say. */
  since?: string;
  /** How often its process was started again. */
  restarts: number;
  /** How its process ended last, and when. */
  lastExit?: string;
  /** Calls that it has now. */
  inFlight?: number;
  /** Why it is not ready. */
  reason?: string;
}

/** The host that functions run on; all of it as it is now. */
export interface HostFacts {
  hostname: string;
  /** Release of the kernel. */
  kernel: string;
  /** Versions of the programs that functions need, by name; one that cannot be asked is left out. */
  versions: Record<string, string>;
  cpus: number;
  /** Mean number of processes that run or want to, of the last 1, 5 and 15 minutes. */
  load: number[];
  memoryBytes: number;
  /** What programs can have without anything being swapped out. */
  freeMemoryBytes: number;
  /** By what is on them, such as `data_dir`. */
  disks: { name: string; path: string; bytes: number; freeBytes: number }[];
  /** Since the host was started. */
  uptimeSeconds: number;
}

/** An image that is being pulled. */
export interface PullProgress {
  image: string;
  namespace: string;
  bytes: number;
  /** 0 until the registry has said what there is. */
  totalBytes: number;
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
