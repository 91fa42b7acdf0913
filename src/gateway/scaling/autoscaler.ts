import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, type Log } from '../../base/log.ts';
import { monotonicMs } from '../../base/monotonic.ts';
import {
  FunctionNotFoundError,
  type EventSource,
  type FunctionLoad,
  type FunctionName,
  type FunctionStatus,
  type Provider,
  fullName,
  hasScalingLabel,
  type ScalingRule,
  workloadOf,
} from '../../provider/index.ts';
import type { Invocations } from '../metrics/invocations.ts';
import { listAll } from '../list-all.ts';
import type { AlertHolds } from './alert-holds.ts';
import { changeHolds } from './change-holds.ts';
import { loadsOf, sumLoads } from './function-loads.ts';
import { WatchedFunction } from './watched-function.ts';

export interface AutoscalerOptions {
  provider: Provider;
  invocations: Invocations;
  /** What alerts have added. */
  holds: AlertHolds;
  defaultNamespace: string;
  log: Log;
  /** Counts the asynchronous calls of a function that have not ended; absent where there are none. */
  pending?: (fn: FunctionName) => number;
  /** Told of each list of all functions, so that no other list is needed. */
  onList?: (functions: FunctionStatus[]) => void;
  /** Where the back end tells by itself what happens to functions; absent where it does not. */
  events?: EventSource;
  /** Gives the time of the monotonic clock that `invocations` counts by. */
  nowMs?: () => number;
}

const periodMs = 1000;
/** Between looks while all that scales sleeps and nobody calls: only a person or another program can have changed something. */
const quietPeriodMs = 5000;
/** The same where the back end tells of such changes: what is told again and again it tells now and then only. */
const toldPeriodMs = 20_000;
/** What went away unseen, as a call that ended since, is forgotten at the latest after this. */
const longestPauseMs = 60_000;
const cpuPeriodMs = 5000;

/**
 * Sets the replicas of functions that have scaling labels, by their traffic as this process counts it and, where it leads, as
 * other gateways do. A function that sleeps at zero is left alone until a call or a person wakes it.
 */
export class Autoscaler {
  readonly #options: AutoscalerOptions;
  readonly #nowMs: () => number;
  /** When this process began to scale. */
  #startedMs: number;
  #isLeading: boolean;
  /** What other gateways measure, by the functions' full names. */
  #others = new Map<string, FunctionLoad>();
  readonly #watched = new Map<string, WatchedFunction>();
  #listError?: string;
  /** Whether anything that scales was awake at the last look. */
  #isBusy = true;
  #lookedMs = -Infinity;
  #adjustedMs = -Infinity;
  #seen: Record<'functions' | 'scaled', FunctionStatus[]> = { functions: [], scaled: [] };
  #seenCalls = 0;
  /** Whether something has happened to a function since the last look. */
  #isTold = false;

  constructor(options: AutoscalerOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? monotonicMs;
    this.#startedMs = this.#nowMs();
    this.#isLeading = this.#leads;
    options.events?.follow(({ name }) => (this.#isTold ||= name !== undefined));
  }

  /** Looks at every function once a second, less often where all sleep. Resolves when the signal has aborted; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const taking = this.#options.provider.peers?.run(signal);
    while (!signal.aborted) {
      await this.lookIfDue();
      await sleep(periodMs, undefined, { signal, ref: false }).catch(() => {});
    }
    await taking;
  }

  /** Looks at every function unless all that scales slept at the last look, which was just now, and nothing has happened since. */
  async lookIfDue(): Promise<void> {
    const { invocations, provider, events } = this.#options;
    const isUncalled = invocations.begun === this.#seenCalls && !provider.peers?.others().length;
    const isQuiet = !this.#isBusy && !this.#isTold && isUncalled;
    const pauseMs = events ? toldPeriodMs : quietPeriodMs;
    if (!isQuiet || this.#nowMs() - this.#lookedMs >= pauseMs) await this.#look(isQuiet);
  }

  /** Looks at every function once. What fails is logged, and tried again by the next look. */
  async look(): Promise<void> {
    await this.#look(false);
  }

  async #look(isQuiet: boolean): Promise<void> {
    const nowMs = this.#nowMs();
    this.#lookedMs = nowMs;
    this.#isTold = false;
    this.#seenCalls = this.#options.invocations.begun;
    const functions = await this.#list();
    if (!functions) return;
    this.#options.onList?.(functions);
    if (isQuiet && nowMs - this.#adjustedMs < longestPauseMs && this.#isAsSeen(functions)) return this.#meet([], nowMs);
    this.#adjustedMs = nowMs;
    this.#forgetOthers(new Set(functions.map(fullName)), nowMs);
    const scaled = functions.filter(({ labels }) => hasScalingLabel(labels));
    this.#isBusy = scaled.some(isAwake);
    this.#seen = { functions, scaled };
    this.#meet(scaled, nowMs);
    if (this.#isLeading) await Promise.all(scaled.map((status) => this.#adjust(status, nowMs)));
  }

  /** Whether this gateway scales for all, as one alone does. */
  get #leads(): boolean {
    return this.#options.provider.peers?.isLeading ?? true;
  }

  /** Tells other gateways what is measured here and hears what they do. Who begins to lead knows nothing of the past. */
  #meet(scaled: FunctionStatus[], nowMs: number): void {
    const { provider, invocations, holds, log } = this.#options;
    const { peers } = provider;
    if (!peers) return;
    holds.follow(peers.note);
    peers.tell(loadsOf(scaled, invocations, nowMs));
    this.#others = sumLoads(peers.others());
    const isLeading = this.#leads;
    if (isLeading === this.#isLeading) return;
    this.#isLeading = isLeading;
    this.#startedMs = nowMs;
    this.#watched.clear();
    log.info(isLeading ? 'this berth scales functions, for all that are beside it' : 'another berth scales functions');
  }

  async #list(): Promise<FunctionStatus[] | undefined> {
    const { provider, defaultNamespace, log } = this.#options;
    try {
      const functions = await listAll(provider, defaultNamespace);
      if (this.#listError !== undefined) log.info('autoscaler can list functions again');
      this.#listError = undefined;
      return functions;
    } catch (error) {
      const said = describeError(error);
      if (said !== this.#listError) log.warn('autoscaler waits: cannot list functions', { error });
      this.#listError = said;
      return undefined;
    }
  }

  /** Whether these are the very objects of the last look, all asleep: a provider that keeps them has nothing new to say. */
  #isAsSeen(list: FunctionStatus[]): boolean {
    const { functions, scaled } = this.#seen;
    const isSame = list.length === functions.length && list.every((one, at) => one === functions[at]);
    return isSame && !scaled.some(isAwake);
  }

  #forgetOthers(existing: Set<string>, nowMs: number): void {
    for (const name of this.#watched.keys()) if (!existing.has(name)) this.#watched.delete(name);
    const { invocations, holds, log } = this.#options;
    invocations.forgetOthers(existing, nowMs);
    if (!this.#isLeading || !holds.hasOthers(existing)) return;
    const told = (error: unknown) => log.warn('what alerts added to removed functions is not forgotten', { error });
    void changeHolds(this.#options, () => holds.forgetOthers(existing)).catch(told);
  }

  async #adjust(status: FunctionStatus, nowMs: number): Promise<void> {
    const { holds, log } = this.#options;
    const name = fullName(status);
    const watched = this.#watch(status, nowMs);
    watched.look(status, nowMs);
    const { scaling: rule } = workloadOf(status);
    for (const warning of watched.newWarnings(rule)) log.warn(warning, { function: name });
    if (status.replicas === 0) return;
    try {
      const replicas = await this.#measure(status, rule, watched);
      const byLoad = replicas === 0 ? 0 : watched.wantedReplicas(replicas, rule, this.#nowMs());
      const wanted = holds.keep(status, replicas, byLoad);
      if (wanted !== replicas && watched.ask(replicas, wanted, this.#nowMs()))
        await this.#scale(status, replicas, wanted);
      watched.succeeded();
    } catch (error) {
      // Removed since the list was made.
      if (error instanceof FunctionNotFoundError) return;
      if (watched.failed(describeError(error))) log.warn('cannot autoscale function', { function: name, error });
    }
  }

  #watch(status: FunctionStatus, nowMs: number): WatchedFunction {
    const name = fullName(status);
    let watched = this.#watched.get(name);
    if (!watched) {
      const { invocations, pending = () => 0 } = this.#options;
      const { name: fn, namespace } = status;
      watched = new WatchedFunction({
        status,
        traffic: invocations.traffic(status),
        pending: () => pending({ name: fn, namespace }),
        others: () => this.#others.get(name),
        startedMs: this.#startedMs,
        nowMs,
      });
      this.#watched.set(name, watched);
    }
    return watched;
  }

  /** Measures what the rule needs, which takes a moment for cpu. Returns the replicas that the function then has. */
  async #measure(status: FunctionStatus, { load }: ScalingRule, watched: WatchedFunction): Promise<number> {
    if (load?.type !== 'cpu' || !watched.cpuIsDue(this.#nowMs(), cpuPeriodMs)) return status.replicas;
    const { replicas, usage } = await this.#options.provider.status(status, { usage: true });
    watched.addCpu(this.#nowMs(), usage?.cpu);
    return replicas;
  }

  async #scale({ name, namespace }: FunctionName, from: number, to: number): Promise<void> {
    // What was measured took its time.
    if (!this.#leads) return;
    await this.#options.provider.scale({ name, namespace }, to, { durable: false, by: 'load' });
    const fields = { function: fullName({ name, namespace }), from, to };
    this.#options.log.info(to === 0 ? 'idle function scaled to zero' : 'function scaled', fields);
  }
}

function isAwake({ replicas }: FunctionStatus): boolean {
  return replicas > 0;
}
