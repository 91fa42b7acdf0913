import type { Log } from '../../base/log.ts';
import { fullName, type FunctionName, type FunctionStatus, type Provider } from '../../provider/index.ts';
import { listAll } from '../list-all.ts';
import type { Invocations } from '../metrics/invocations.ts';
import type { FunctionUsageNow, UsageSamples } from '../metrics/usage-samples.ts';
import { Reasons } from './reasons.ts';
import { roundedBytes, significant } from './rounded.ts';
import type { FunctionRow, StateWord } from './wire.ts';

export interface FunctionRowsOptions {
  provider: Provider;
  defaultNamespace: string;
  invocations: Invocations;
  usage: UsageSamples;
  log: Log;
}

/** What a row was made of: while that is the same, so is the row. */
interface Made {
  row: FunctionRow;
  text: string;
  status: FunctionStatus;
  usage?: FunctionUsageNow;
  reason?: string;
  file?: string;
  /** It has calls that are told of as of now. */
  isBusy: boolean;
}

/** What has changed since the look before. */
export interface RowsChange {
  functions: FunctionRow[];
  gone: FunctionName[];
}

/** The rows of all functions, each made anew only when something of it may have changed. */
export class FunctionRows {
  readonly #options: FunctionRowsOptions;
  readonly #reasons: Reasons;
  #rows = new Map<string, Made>();
  #listed: FunctionStatus[] = [];
  #files = new Map<string, string>();
  #isFailing = false;

  constructor(options: FunctionRowsOptions) {
    this.#options = options;
    this.#reasons = new Reasons(options.provider);
  }

  /** As of the last look. */
  get all(): FunctionRow[] {
    return [...this.#rows.values()].map(({ row }) => row);
  }

  /** Looks at all functions. Where they cannot be listed, all is as it was. */
  async look(): Promise<RowsChange> {
    const { provider, defaultNamespace, log } = this.#options;
    try {
      const list = await listAll(provider, defaultNamespace);
      await this.#readFiles(list);
      await this.#reasons.look(list);
      this.#isFailing = false;
      return this.#take(list);
    } catch (error) {
      if (!this.#isFailing) log.warn('the overview stays as it was: cannot list functions', { error });
      this.#isFailing = true;
      return { functions: [], gone: [] };
    }
  }

  #take(list: FunctionStatus[]): RowsChange {
    const before = this.#rows;
    this.#rows = new Map();
    const functions: FunctionRow[] = [];
    for (const status of list) {
      const key = fullName(status);
      const was = before.get(key);
      const made = this.#made(key, status, was);
      this.#rows.set(key, made);
      if (made.text !== was?.text) functions.push(made.row);
    }
    const gone = [...before].filter(([key]) => !this.#rows.has(key)).map(([, { row }]) => nameOf(row));
    return { functions, gone };
  }

  #made(key: string, status: FunctionStatus, was: Made | undefined): Made {
    const usage = this.#options.usage.of(key);
    const reason = this.#reasons.of(key);
    const file = this.#files.get(key);
    const isBusy = this.#options.invocations.isBusy(key);
    const isSame = was?.status === status && was.usage === usage && was.reason === reason && was.file === file;
    if (isSame && !isBusy && !was.isBusy) return was;
    const row = this.#row(key, status, { usage, reason, file });
    return { row, text: JSON.stringify(row), status, usage, reason, file, isBusy };
  }

  #row(key: string, status: FunctionStatus, { usage, reason, file }: Partial<Made>): FunctionRow {
    const { replicas: wanted, availableReplicas: ready, image } = status;
    const { calls, inFlight, minute } = this.#options.invocations.figures(key);
    const isShort = ready < wanted;
    return {
      ...nameOf(status),
      state: stateOf(status, reason),
      ...(isShort && reason !== undefined ? { reason } : {}),
      image,
      wanted,
      ready,
      calls,
      callsPerSecond: significant(minute?.callsPerSecond ?? 0, 2),
      inFlight,
      ...(minute?.p50Ms === undefined ? {} : { p50Ms: significant(minute.p50Ms, 3) }),
      ...(minute?.p99Ms === undefined ? {} : { p99Ms: significant(minute.p99Ms, 3) }),
      ...(minute?.errorShare === undefined ? {} : { errorShare: significant(minute.errorShare, 2) }),
      ...(usage && { memoryBytes: roundedBytes(usage.memoryBytes) }),
      ...(usage?.cpuMillis === undefined ? {} : { cpuMillis: significant(Math.round(usage.cpuMillis), 2) }),
      ...(file === undefined ? {} : { file }),
    };
  }

  /** Which file keeps which function; a file makes a function anew when it changes. */
  async #readFiles(list: FunctionStatus[]): Promise<void> {
    const isSame = list.length === this.#listed.length && list.every((status, at) => status === this.#listed[at]);
    this.#listed = list;
    if (isSame) return;
    const files = (await this.#options.provider.fromFiles?.().catch(() => [])) ?? [];
    this.#files = new Map(
      files.flatMap(({ file, ...fn }) => (file.digest === undefined ? [] : [[fullName(fn), file.path]])),
    );
  }
}

function nameOf({ name, namespace }: FunctionName): FunctionName {
  return { name, namespace };
}

function stateOf({ replicas, availableReplicas }: FunctionStatus, reason: string | undefined): StateWord {
  if (replicas === 0) return 'asleep';
  if (availableReplicas >= replicas) return 'ready';
  return reason === undefined ? 'starting' : 'failing';
}
