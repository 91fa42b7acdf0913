import { monotonicMs } from '../../base/monotonic.ts';
import type { Log } from '../../base/log.ts';
import { fullName, type FunctionName, type FunctionStatus } from '../../provider/index.ts';
import type { HistoryView } from '../dashboard/wire.ts';
import type { Invocations } from '../metrics/invocations.ts';
import { recentStepMs } from '../metrics/recent-calls.ts';
import type { FunctionUsageNow, UsageSamples } from '../metrics/usage-samples.ts';
import { dayStepOf, FunctionHistory, spans, type HistorySpan } from './function-history.ts';
import { HistoryFolder } from './history-folder.ts';
import { viewOf } from './history-view.ts';

export interface CallHistoryOptions {
  /** Folder of the last day; it is lost with the process where it is absent. */
  dir?: string;
  invocations: Invocations;
  usage: UsageSamples;
  log: Log;
  /** The monotonic clock that `invocations` counts by. */
  nowMs?: () => number;
  /** The wall clock, in milliseconds since 1970. */
  wallMs?: () => number;
}

/** One function's history, and how much of it is on disk. */
interface Kept {
  fn: FunctionName;
  history: FunctionHistory;
  /** Resolves when what an earlier process kept is in it. */
  loaded: Promise<void>;
  /** The file lacks steps that could not be written. */
  isBehind: boolean;
}

/** Steps of the last minute are still counted apart; those before are not. */
const knownSteps = 6;
/** How many steps of the day there are between two looks for files of functions that are gone: an hour. */
const sweepSteps = 12;

/**
 * Keeps what functions were like in the last hour and the last day, in fixed memory for each that was called or ran lately. What
 * does nothing costs nothing: steps are gathered of functions that had calls in them.
 */
export class CallHistory {
  readonly #options: CallHistoryOptions;
  readonly #nowMs: () => number;
  readonly #wallMs: () => number;
  readonly #folder?: HistoryFolder;
  readonly #kept = new Map<string, Kept>();
  /** Those that had calls in the step that goes on. */
  #active = new Set<string>();
  /** Those of which the day's step that goes on has something. */
  #changed = new Set<string>();
  /** Those that used something at the last sample. */
  #using = new Set<string>();
  #listed?: FunctionStatus[];
  #replicas?: Map<string, number>;
  /** The last step that was gathered, by the monotonic clock, and the day's step that goes on. */
  #gathered: number;
  #dayStep: number;
  readonly #sinceStep: number;
  #wallOffset = 0;
  #isClosed = false;
  #daySteps = 0;
  #writing = Promise.resolve();

  constructor(options: CallHistoryOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? monotonicMs;
    this.#wallMs = options.wallMs ?? (() => Date.now());
    this.#folder = options.dir === undefined ? undefined : new HistoryFolder(options.dir, options.log);
    this.#gathered = this.#step() - 1;
    this.#sinceStep = this.#wallStepOf(this.#step());
    this.#dayStep = dayStepOf(this.#sinceStep);
    options.usage.onSample = (usage) => this.#takeUsage(usage);
  }

  /** Takes in now and then which functions there are. */
  follow(functions: FunctionStatus[]): void {
    if (this.#listed === functions) return;
    this.#listed = functions;
    this.#replicas = undefined;
  }

  /** Gathers until the signal aborts, and resolves when all is written. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const timer = setInterval(() => this.gather(), recentStepMs).unref();
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    clearInterval(timer);
    await this.close();
  }

  /** Gathers the step that goes on as well, and writes all. Never rejects. */
  async close(): Promise<void> {
    this.#gatherUpTo(this.#step());
    this.#isClosed = true;
    this.#writeDayStep();
    await this.written();
  }

  /** Resolves when all that is to be written by now is, or has failed. */
  async written(): Promise<void> {
    await this.#writing;
  }

  /** Takes the steps that have ended since it was last called. */
  gather(): void {
    this.#gatherUpTo(this.#step() - 1);
  }

  /** Tells what a function that is there was like. */
  async view(fn: FunctionName, span: HistorySpan): Promise<HistoryView> {
    this.gather();
    const key = fullName(fn);
    const lastHourStep = this.#wallStepOf(this.#step() - 1);
    const [lastStep, sinceStep] =
      span === 'hour' ? [lastHourStep, this.#sinceStep] : [this.#dayStep, dayStepOf(this.#sinceStep)];
    // One that nobody called lately is read, and not kept.
    const kept = this.#kept.get(key) ?? this.#read(fn);
    await kept.loaded;
    if (this.#changed.has(key)) kept.history.sumUp(this.#dayStep);
    return viewOf(kept.history, { span, lastStep, sinceStep });
  }

  #step(): number {
    return Math.floor(this.#nowMs() / recentStepMs);
  }

  /** Returns the number by the wall clock of a step by the monotonic one. */
  #wallStepOf(step: number): number {
    const offset = (this.#wallMs() - this.#nowMs()) / recentStepMs;
    // Held on to until a clock is set, as the two never differ by quite the same.
    if (Math.abs(offset - this.#wallOffset) > 0.75) this.#wallOffset = Math.round(offset);
    return step + this.#wallOffset;
  }

  #gatherUpTo(last: number): void {
    const { invocations } = this.#options;
    // What comes now is the next process's, and so is the folder.
    if (this.#isClosed) return;
    for (const key of invocations.takeActive()) this.#active.add(key);
    for (let step = Math.max(this.#gathered + 1, last - knownSteps); step <= last; step++) {
      const wallStep = this.#wallStepOf(step);
      this.#enterDayStep(dayStepOf(wallStep));
      for (const key of this.#active) {
        const calls = invocations.recent(key)?.of(step);
        if (calls) this.#change(key).addCalls(wallStep, calls, this.#replicasOf(key));
      }
    }
    this.#gathered = Math.max(this.#gathered, last);
    for (const key of this.#active) if (!invocations.recent(key)?.of(last + 1)) this.#active.delete(key);
  }

  #takeUsage(usage: ReadonlyMap<string, FunctionUsageNow>): void {
    this.gather();
    if (this.#isClosed) return;
    const step = this.#wallStepOf(this.#step());
    this.#enterDayStep(dayStepOf(step));
    for (const key of this.#using.difference(usage))
      this.#change(key).addUsage(step, { memoryBytes: 0, cpuMillis: 0 }, this.#replicasOf(key));
    for (const [key, used] of usage) this.#change(key).addUsage(step, used, this.#replicasOf(key));
    this.#using = new Set(usage.keys());
  }

  #replicasOf(key: string): number | undefined {
    this.#replicas ??= new Map(this.#listed?.map((status) => [fullName(status), status.availableReplicas]));
    return this.#replicas.get(key);
  }

  #change(key: string): FunctionHistory {
    this.#changed.add(key);
    let kept = this.#kept.get(key);
    if (!kept) {
      const [name = '', namespace = ''] = key.split('.');
      this.#kept.set(key, (kept = this.#read({ name, namespace })));
    }
    return kept.history;
  }

  #read(fn: FunctionName): Kept {
    const history = new FunctionHistory();
    const dayStep = this.#dayStep;
    const load = async () => {
      const bytes = await this.#folder?.read(fn, history.rings.day);
      if (bytes) history.takeOver(bytes, dayStep);
    };
    return { fn, history, loaded: load(), isBehind: false };
  }

  #enterDayStep(dayStep: number): void {
    if (dayStep === this.#dayStep) return;
    this.#writeDayStep();
    this.#dayStep = dayStep;
    this.#daySteps += 1;
    this.#forget();
  }

  /** Sums up the day's step that goes on, and has it written. */
  #writeDayStep(): void {
    const [changed, dayStep] = [[...this.#changed], this.#dayStep];
    this.#changed = new Set();
    const written = changed.flatMap((key) => this.#kept.get(key) ?? []);
    // At once, before calls of the next step are added.
    for (const { history } of written) {
      history.sumUp(dayStep);
      history.beginDayStep();
    }
    this.#writing = this.#writing.then(async () => {
      for (const kept of written) await this.#write(kept, dayStep);
    });
  }

  async #write(kept: Kept, dayStep: number): Promise<void> {
    const { fn, history, loaded } = kept;
    await loaded;
    if (!this.#folder || this.#kept.get(fullName(fn)) !== kept) return;
    kept.isBehind = !(await this.#folder.write(fn, history.rings.day, kept.isBehind ? 'all' : dayStep));
  }

  /** Drops those that are gone, and from memory those that did nothing for an hour and are on disk. */
  #forget(): void {
    const existing = this.#listed && new Set<string>(this.#listed.map(fullName));
    let hasGone = false;
    const oldest = this.#wallStepOf(this.#step()) - spans.hour.slots;
    for (const [key, { history, isBehind }] of this.#kept) {
      const isOnDisk = this.#folder !== undefined && !isBehind;
      const isOld = history.lastStep < (isOnDisk ? oldest : oldest - 24 * spans.hour.slots);
      const isGone = existing?.has(key) === false;
      if (isOld || isGone) this.#kept.delete(key);
      hasGone ||= isGone;
    }
    if (existing && (hasGone || this.#daySteps % sweepSteps === 1))
      this.#writing = this.#writing.then(() => this.#folder?.keepOnly(existing));
  }
}
