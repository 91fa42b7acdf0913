import { setImmediate as turn } from 'node:timers/promises';
import type { Log } from '../../base/log.ts';
import { monotonicMs } from '../../base/monotonic.ts';
import { fullName, workloadOf, type AsyncRule, type FunctionName } from '../../provider/index.ts';
import { shareOut } from './fair-share.ts';
import type { CallKind, Lane, Queue, TakenCall } from './queue.ts';

/** What a function says of its asynchronous calls, and how many it can take. */
export interface FunctionCalls {
  rule: AsyncRule;
  replicas: number;
  /** Calls that one replica takes at once, where it says so. */
  maxInflight?: number;
}

export interface TakerOptions {
  queue: Pick<Queue, 'lanes' | 'onWaiting' | 'take'>;
  /** Rejects for a function that is not there. */
  callsOf: (fn: FunctionName) => Promise<FunctionCalls>;
  /** How many calls are under way at once, and as many callbacks. */
  concurrency: number;
  /** Makes a call, and resolves when all is written of it. */
  work: (call: TakenCall, rule: AsyncRule) => Promise<void>;
  log: Log;
}

/** A lane, and what is under way of it. */
interface LaneWork {
  fn: FunctionName;
  kind: CallKind;
  running: number;
  turn: number;
  /** Nothing is taken of it until then, by the monotonic clock. */
  restsUntilMs: number;
  calls?: FunctionCalls;
  /** When the function was asked last. */
  askedMs: number;
}

const usualInflight = 10;
/** Answers of one function that are posted at once. */
const mostCallbacks = 20;
/** How often a function that has calls is asked what it can take. */
const askMs = 1000;
/** How long a lane rests whose calls cannot be taken, or of which none came. */
const restMs = { empty: 100, failed: 2000 };
/** The wall clock may be set meanwhile. */
const longestPauseMs = 10_000;

/** Takes calls off the queue when they are due: as many of each function as it can take, and none at the cost of the others. */
export class CallTaker {
  readonly #options: TakerOptions;
  readonly #lanes = new Map<string, LaneWork>();
  readonly #running: Record<CallKind, number> = { call: 0, callback: 0 };
  readonly #atWork = new Set<Promise<void>>();
  #taking = 0;
  #turn = 0;
  #soon = Promise.withResolvers<void>();

  constructor(options: TakerOptions) {
    this.#options = options;
  }

  /** Some calls may be taken by now that are not yet known here. */
  get isTaking(): boolean {
    return this.#taking > 0;
  }

  /** Takes until the signal aborts. Resolves when the work on all that was taken is done. */
  async run(signal: AbortSignal): Promise<void> {
    this.#options.queue.onWaiting(() => this.#soon.resolve());
    signal.addEventListener('abort', () => this.#soon.resolve(), { once: true });
    while (!signal.aborted) {
      this.#soon = Promise.withResolvers();
      const timer = setTimeout(this.#soon.resolve, this.#takeDue());
      await this.#soon.promise;
      clearTimeout(timer);
      // What ends in the same moment is replaced in one go.
      await turn();
    }
    while (this.#atWork.size > 0) await Promise.all(this.#atWork);
  }

  /** Returns after how long there may be more to take. */
  #takeDue(): number {
    const [wallMs, nowMs] = [Date.now(), monotonicMs()];
    let pauseMs = longestPauseMs;
    const due: [lane: Lane, work: LaneWork][] = [];
    const idle = new Set(this.#lanes.keys());
    for (const lane of this.#options.queue.lanes()) {
      if (lane.queued === 0) continue;
      const work = this.#workOf(lane);
      idle.delete(keyOf(lane));
      const waitMs = Math.max(lane.dueMs - wallMs, work.restsUntilMs - nowMs);
      if (waitMs <= 0) due.push([lane, work]);
      pauseMs = Math.min(pauseMs, waitMs > 0 ? waitMs : askMs);
    }
    for (const key of idle) if (this.#lanes.get(key)?.running === 0) this.#lanes.delete(key);
    for (const [, work] of due) if (nowMs - work.askedMs >= askMs) this.#ask(work, nowMs);
    for (const kind of ['call', 'callback'] as const)
      this.#shareOut(
        due.filter(([lane]) => lane.kind === kind),
        kind,
      );
    return Math.ceil(pauseMs);
  }

  #shareOut(due: [lane: Lane, work: LaneWork][], kind: CallKind): void {
    const sharers = due.map(([{ queued }, work]) => ({
      running: work.running,
      turn: work.turn,
      limit: limitOf(work),
      wanted: queued,
    }));
    const given = shareOut(sharers, this.#options.concurrency - this.#running[kind]);
    for (const [at, [, work]] of due.entries()) {
      const most = given[at] ?? 0;
      if (most > 0) this.#track(this.#take(work, most));
    }
  }

  async #take(work: LaneWork, most: number): Promise<void> {
    const { queue, log } = this.#options;
    this.#count(work, most);
    work.turn = this.#turn += 1;
    this.#taking += 1;
    let calls: TakenCall[] = [];
    let failed = false;
    try {
      calls = await queue.take(work, most);
    } catch (error) {
      failed = true;
      log.error('cannot take asynchronous calls off the queue', { function: fullName(work.fn), error });
    }
    this.#taking -= 1;
    if (calls.length === 0) work.restsUntilMs = monotonicMs() + (failed ? restMs.failed : restMs.empty);
    for (const call of calls) this.#track(this.#make(call, work));
    this.#count(work, calls.length - most);
  }

  async #make(call: TakenCall, work: LaneWork): Promise<void> {
    try {
      await this.#options.work(call, (work.calls ?? callsOfNobody(work.fn)).rule);
    } catch (error) {
      this.#options.log.error('asynchronous call broke', { function: fullName(call.fn), call: call.id, error });
    }
    this.#count(work, -1);
  }

  #count(work: LaneWork, more: number): void {
    work.running += more;
    this.#running[work.kind] += more;
    if (more < 0) this.#soon.resolve();
  }

  #track(work: Promise<void>): void {
    this.#atWork.add(work);
    void work.finally(() => this.#atWork.delete(work));
  }

  #workOf({ fn, kind }: Lane): LaneWork {
    const key = keyOf({ fn, kind });
    const work = this.#lanes.get(key) ?? { fn, kind, running: 0, turn: 0, restsUntilMs: 0, askedMs: -Infinity };
    this.#lanes.set(key, work);
    return work;
  }

  /** Others go on meanwhile. */
  #ask(work: LaneWork, nowMs: number): void {
    work.askedMs = nowMs;
    void Promise.try(this.#options.callsOf, work.fn)
      .catch(() => work.calls ?? callsOfNobody(work.fn))
      .then((calls) => {
        work.calls = calls;
        this.#soon.resolve();
      });
  }
}

function keyOf({ fn, kind }: Pick<Lane, 'fn' | 'kind'>): string {
  return `${kind} ${fullName(fn)}`;
}

/** Nothing is made before it is known how many may be, and how often. */
function limitOf({ kind, calls }: LaneWork): number {
  if (!calls) return 0;
  if (kind === 'callback') return mostCallbacks;
  const { rule, replicas, maxInflight = usualInflight } = calls;
  const inflight = Number.isFinite(maxInflight) ? maxInflight : usualInflight;
  return rule.concurrency ?? Math.max(1, inflight * replicas);
}

function callsOfNobody(fn: FunctionName): FunctionCalls {
  return { rule: workloadOf({ ...fn, image: '' }).async, replicas: 1 };
}
