/** The shapes that the dashboard's page reads, where they are not those of the OpenFaaS API. Moments are RFC 3339. */
import type { FunctionDeployment, FunctionName } from '../../provider/index.ts';

/** How a function is, in one word. */
export type StateWord = 'ready' | 'asleep' | 'starting' | 'failing';

/** One function, as GET /system/overview tells of it. What its calls were like is of the last minute. */
export interface FunctionRow extends FunctionName {
  state: StateWord;
  /** Why it is not ready, in a sentence. */
  reason?: string;
  image: string;
  wanted: number;
  ready: number;
  /** Calls that were answered, since they are counted. */
  calls: number;
  callsPerSecond: number;
  inFlight: number;
  p50Ms?: number;
  p99Ms?: number;
  /** From 0 to 1: calls that were answered with a status of 500 and above. */
  errorShare?: number;
  /** Working set of all replicas. */
  memoryBytes?: number;
  /** Thousandths of a core. */
  cpuMillis?: number;
  /** Path of the file that keeps it. */
  file?: string;
}

/** The host and what berth has on it. */
export interface HostView {
  hostname: string;
  /** Port of the API and of functions. */
  apiPort: number;
  release: string;
  sha: string;
  /** Programs beside berth, such as containerd, and their versions. */
  versions: Record<string, string>;
  cpus: number;
  /** Mean number of processes that run or want to, of the last 1, 5 and 15 minutes. */
  load: number[];
  memoryBytes: number;
  freeMemoryBytes: number;
  disks: DiskView[];
  /** Every function has had its turn since the start. */
  ready: boolean;
  /** Parts that are not well. */
  problems: { name: string; problem?: string; mend?: string }[];
  partsCount: number;
  /** What the back end can do of what it need not: names of optional verbs, and `asyncCalls`. */
  can: string[];
}

export interface DiskView {
  /** What is on it, such as `data_dir`. */
  name: string;
  path: string;
  bytes: number;
  freeBytes: number;
}

/** What GET /system/overview answers; as an event stream each part comes when it has changed, named as here. */
export interface Overview {
  functions: FunctionRow[];
  host: HostView;
  pulls: PullView[];
}

/** Data of the stream's event `functions`. */
export interface FunctionsChange {
  /** All that there are; else those that have changed. */
  whole: boolean;
  functions: FunctionRow[];
  /** Those that are there no more. */
  gone: FunctionName[];
}

/** An image that is being pulled. */
export interface PullView {
  image: string;
  namespace: string;
  bytes: number;
  /** 0 until the registry has said what there is. */
  totalBytes: number;
}

/** What a function was like over time: GET /system/function/NAME/history?span=hour or day. */
export interface HistoryView {
  /** Begin of the first step. */
  from: string;
  stepSeconds: number;
  /** A number for each step; null where nothing is known. */
  calls: (number | null)[];
  errors: (number | null)[];
  p50Ms: (number | null)[];
  p99Ms: (number | null)[];
  memoryBytes: (number | null)[];
  cpuMillis: (number | null)[];
  replicas: (number | null)[];
}

/** What GET /ui/session answers. */
export interface SessionQuestion {
  /** A session is given to nobody else. */
  asksPassword: boolean;
}

/** What POST /ui/session answers. */
export interface SessionView {
  token: string;
  expiresAt: string;
}

/** What POST /system/stack {stack: TEXT} answers: what a deployment of each function of a stack file would be. */
export interface StackView {
  /** None where the text cannot be read. */
  functions: StackFunctionView[];
  /** What is wrong, with its line. */
  problems: string[];
  /** What is passed over, with its line. */
  warnings: string[];
}

export interface StackFunctionView {
  deployment: FunctionDeployment;
  /** Of the text, from 1. */
  line: number;
  /** There is none of this name yet. */
  isNew: boolean;
  /** It is what the text says already. */
  isSame: boolean;
}

/** Something that happened, as GET /system/events tells of it. */
export interface EventView {
  id: string;
  at: string;
  /** In one word, such as `deployed` or `out-of-memory`. */
  kind: string;
  severity: 'info' | 'warn' | 'error';
  /** What happened, in a sentence. */
  text: string;
  name?: string;
  namespace?: string;
  replica?: string;
}
