import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../base/log.ts';
import { defaultRetry, fullName, type AsyncRule } from '../../provider/index.ts';
import type { AsyncMetrics } from './async-metrics.ts';
import { attemptOf, endingOf, type EndingOptions } from './call-ending.ts';
import type { MadeCall, SendOptions } from './call-sender.ts';
import { CallTaker, type TakerOptions } from './call-taker.ts';
import { QueueUnreachableError } from './queue-errors.ts';
import type { Queue, TakenCall } from './queue.ts';
import { planAfter, type AttemptOutcome, type RetryPlan } from './retry-plan.ts';

export interface AsyncWorkerOptions {
  queue: Queue;
  /** Makes a call once; rejects when the signal aborts. */
  send: (call: TakenCall, options: SendOptions) => Promise<MadeCall>;
  /** Posts an answer once; rejects when the signal aborts. */
  post: (callback: TakenCall, signal: AbortSignal) => Promise<AttemptOutcome>;
  callbackOf: EndingOptions['callbackOf'];
  /** Rejects for a function that is not there. */
  ruleOf: TakerOptions['callsOf'];
  /** How many calls are made at once, and as many answers posted. */
  concurrency: number;
  metrics: AsyncMetrics;
  log: Log;
}

/** How long answers that are being posted may take once the worker is told to end. */
const postingMs = 5000;
/** How often it is tried to write what became of a call, and the longest pause between: six minutes in all. */
const mostWrites = 20;
const longestWriteMs = 30_000;

/** Somebody has cancelled the call. */
class CancelledError extends Error {}

/** Makes the calls that are due, and posts their answers: several at once, again where it says so, and fair to all functions. */
export class AsyncWorker {
  readonly #options: AsyncWorkerOptions;
  readonly #taker: CallTaker;
  readonly #underWay = new Map<string, AbortController>();
  /** Cancelled while they are being taken, or their outcome is being written. */
  readonly #cancelled = new Set<string>();
  #leaving?: AbortSignal;

  constructor(options: AsyncWorkerOptions) {
    this.#options = options;
    const { queue, ruleOf, concurrency, log } = options;
    this.#taker = new CallTaker({
      queue,
      callsOf: ruleOf,
      concurrency,
      log,
      work: (call, rule) => this.#work(call, rule),
    });
  }

  /**
   * Works until the signal aborts, then takes nothing more. Resolves when what it had taken is finished, or handed back where
   * it was cut short. Never rejects.
   */
  async run(signal: AbortSignal): Promise<void> {
    this.#leaving = signal;
    await this.#taker.run(signal);
  }

  /** Ends a call that runs as cancelled. */
  abort(id: string): void {
    const underWay = this.#underWay.get(id);
    if (underWay) underWay.abort(new CancelledError());
    else if (this.#taker.isTaking) this.#cancelled.add(id);
  }

  async #work(call: TakenCall, rule: AsyncRule): Promise<void> {
    const { metrics } = this.#options;
    const aborting = new AbortController();
    this.#underWay.set(call.id, aborting);
    if (this.#cancelled.delete(call.id)) aborting.abort(new CancelledError());
    if (call.kind === 'call') metrics.began(call.fn);
    try {
      await (call.kind === 'call' ? this.#make(call, rule, aborting.signal) : this.#post(call, aborting.signal));
    } finally {
      this.#underWay.delete(call.id);
      if (call.kind === 'call') metrics.ended(call.fn);
    }
  }

  async #make(call: TakenCall, rule: AsyncRule, signal: AbortSignal): Promise<void> {
    const { send, callbackOf, metrics } = this.#options;
    if (signal.aborted || this.#isLeaving) return this.#giveUp(call, signal);
    const outcome = await send(call, { signal, keepsResult: rule.keepsResult }).catch(notMade);
    if ('why' in outcome) return this.#giveUp(call, signal, outcome.why);
    try {
      // What is cut because this process ends has not failed.
      if (this.#isLeaving && outcome.isPlatform === true) return await this.#giveUp(call, signal);
      const plan = this.#planAfter(call, outcome, rule);
      if (plan.next === 'again') return await this.#tryAgain(call, outcome, plan, signal);
      const hasFailed = plan.next === 'failed';
      await this.#write(call, (queue) =>
        queue.finish(call.id, endingOf(call, outcome, { rule, hasFailed, callbackOf })),
      );
      metrics.processed(call.fn);
      if (hasFailed) this.#tellFailed(call, outcome);
    } finally {
      await outcome.body.close();
    }
  }

  async #post(callback: TakenCall, signal: AbortSignal): Promise<void> {
    const { post, metrics } = this.#options;
    const { fn, id } = callback;
    if (signal.aborted || this.#isLeaving) return this.#giveUp(callback, signal);
    const ending = new AbortController();
    const end = () =>
      void sleep(postingMs, undefined, { signal: ending.signal }).then(
        () => ending.abort(),
        () => {},
      );
    this.#leaving?.addEventListener('abort', end, { once: true });
    const outcome = await post(callback, AbortSignal.any([signal, ending.signal])).catch(notMade);
    this.#leaving?.removeEventListener('abort', end);
    ending.abort();
    if ('why' in outcome) return this.#giveUp(callback, signal, outcome.why);
    const plan = this.#planAfter(callback, outcome);
    metrics.calledBack(fn, plan.next === 'again' ? 'retried' : plan.next);
    if (plan.next === 'again') return this.#tryAgain(callback, outcome, plan, signal);
    const isDead = plan.next === 'failed';
    await this.#write(callback, (queue) => queue.finish(id, { state: plan.next, last: attemptOf(outcome), isDead }));
    if (isDead) this.#tellFailed(callback, outcome);
  }

  get #isLeaving(): boolean {
    return this.#leaving?.aborted === true;
  }

  #planAfter({ kind, attempts }: TakenCall, outcome: AttemptOutcome, rule?: AsyncRule): RetryPlan {
    return planAfter(outcome, { kind, attempts, rule: rule?.retry ?? defaultRetry, nowMs: Date.now() });
  }

  /** Ends what was cancelled, and hands back what was cut short, or could not be read while the queue was away. */
  async #giveUp(call: TakenCall, signal: AbortSignal, why?: unknown): Promise<void> {
    if (signal.aborted) return this.#write(call, (queue) => queue.finish(call.id, { state: 'cancelled' }));
    const again = this.#isLeaving
      ? { dueMs: Date.now(), uncounted: true }
      : { dueMs: Date.now() + defaultRetry.minWaitMs, uncounted: why instanceof QueueUnreachableError };
    await this.#write(call, (queue) => queue.retry(call.id, again));
  }

  async #tryAgain(
    call: TakenCall,
    outcome: AttemptOutcome,
    { dueMs }: { dueMs: number },
    signal: AbortSignal,
  ): Promise<void> {
    const { queue, metrics, log } = this.#options;
    const { id, fn, kind, attempts } = call;
    await this.#write(call, () => queue.retry(id, { dueMs, last: attemptOf(outcome) }));
    // Too late to be aborted, it would have come again.
    if (signal.aborted) await queue.cancel(id);
    if (kind === 'call') metrics.retried(fn);
    const { status, error } = outcome;
    log.debug(`asynchronous ${kind} is tried again`, { function: fullName(fn), call: id, attempts, status, error });
  }

  #tellFailed({ kind, fn, id, attempts }: TakenCall, { status, error }: AttemptOutcome): void {
    if (kind === 'call') this.#options.metrics.failed(fn);
    const fields = { function: fullName(fn), call: id, attempts, status, error };
    this.#options.log.warn(`asynchronous ${kind} failed for good`, fields);
  }

  /** Writes what became of a call, as often as it takes: else it would be made again. */
  async #write({ id, fn }: TakenCall, write: (queue: Queue) => Promise<void>): Promise<void> {
    const { queue, log } = this.#options;
    for (let tries = 1; ; tries += 1) {
      try {
        return await write(queue);
      } catch (error) {
        log.error('cannot write what became of an asynchronous call', { function: fullName(fn), call: id, error });
        if (tries >= (this.#isLeaving ? 5 : mostWrites)) return;
        await sleep(Math.min(50 * 2 ** tries, longestWriteMs));
      }
    }
  }
}

/** Why there was no attempt, not even one that failed. */
function notMade(why: unknown): { why: unknown } {
  return { why };
}
