import { setTimeout as sleep } from 'node:timers/promises';
import type { Registry } from '@prometheus-io/client';
import type { Log } from '../../base/log.ts';
import {
  callLimitsOf,
  fullName,
  FunctionNotFoundError,
  workloadOf,
  type FaaSConfig,
  type FunctionName,
  type FunctionStatus,
  type Provider,
  type RawHandler,
  type Route,
} from '../../provider/index.ts';
import { asyncHandler } from './async-handler.ts';
import { AsyncMetrics } from './async-metrics.ts';
import { asyncRoutes } from './async-routes.ts';
import { CallSender, type MadeCall, type SendOptions } from './call-sender.ts';
import type { FunctionCalls } from './call-taker.ts';
import { CallbackAddresses } from './callback-address.ts';
import type { CallbackAllow } from './callback-allow.ts';
import { callbackOf } from './callback-call.ts';
import { CallbackSender } from './callback-sender.ts';
import type { Queue, TakenCall } from './queue.ts';
import type { Schedules } from './schedules.ts';
import { AsyncWorker } from './worker.ts';

export interface AsyncCallsOptions {
  queue: Queue;
  schedules: Schedules;
  provider: Pick<Provider, 'status'>;
  config: Pick<FaaSConfig, 'defaultNamespace' | 'trustedProxies'>;
  /** The largest body of a call, and the largest answer that is posted. */
  bodyLimitBytes: number;
  /** Calls that are made at once, and answers that are posted at once. */
  concurrency: number;
  /** How long calls that have ended are remembered. */
  retentionMs: number;
  callbackAllow?: CallbackAllow;
  /** The unix socket at which this gateway's functions are called. */
  socketPath: string;
  /** Where answers are kept until they have been posted; it must be there. */
  answerFolder: string;
  /** What servers elsewhere are told who posts. */
  userAgent: string;
  registry: Registry;
  log: Log;
}

/** How often it is looked for calls to forget. */
const lookMs = { least: 1000, most: 60_000 };
const recoverAgainMs = 5000;

/** Asynchronous calls, as a gateway serves them. */
export class AsyncCalls {
  /** POST /async-function/NAME */
  readonly handler: RawHandler;
  /** What became of calls, for who knows the password. */
  readonly routes: Route[];
  readonly #options: AsyncCallsOptions;
  readonly #sender: CallSender;
  readonly #worker: AsyncWorker;
  readonly #metrics: AsyncMetrics;
  /** Those that were cancelled while the process before this one was making them. */
  #cancelledElsewhere?: Set<string> = new Set();

  constructor(options: AsyncCallsOptions) {
    this.#options = options;
    const { queue, provider, config, bodyLimitBytes, concurrency, callbackAllow, registry, log } = options;
    const { schedules, socketPath, answerFolder: folder, userAgent } = options;
    const { defaultNamespace } = config;
    const addresses = new CallbackAddresses({ allow: callbackAllow, defaultNamespace });
    const callbacks = new CallbackSender({ addresses, socketPath, userAgent });
    const metrics = new AsyncMetrics(registry, queue);
    this.#metrics = metrics;
    this.#sender = new CallSender({ socketPath, folder, answerLimitBytes: bodyLimitBytes });
    this.#worker = new AsyncWorker({
      queue,
      send: (call, how) => this.#send(call, how),
      post: (callback, signal) => callbacks.send(callback, signal),
      callbackOf: (call, answer) => callbackOf(call, answer, defaultNamespace),
      ruleOf: (fn) => this.#callsOf(fn),
      concurrency,
      metrics,
      log,
    });
    const checkCallback = (url: string) => addresses.check(url);
    const onAccepted = (fn: FunctionName) => metrics.submitted(fn);
    this.handler = asyncHandler({ queue, provider, config, bodyLimitBytes, checkCallback, onAccepted, log });
    this.routes = asyncRoutes({ queue, schedules, abort: (id) => this.#abort(id) });
  }

  /** How many calls of a function are queued or running. */
  pending(fn: FunctionName): number {
    return this.#options.queue.pending(fn);
  }

  /** Takes in now and then which functions there are. */
  follow(functions: FunctionStatus[]): void {
    this.#options.schedules.follow(functions);
    this.#metrics.forgetOthers(new Set(functions.map(fullName)));
  }

  /** When its schedules call a function next; undefined where it has none. */
  nextRuns(status: FunctionStatus): string[] | undefined {
    return this.#options.schedules.nextRuns(status);
  }

  /** Queues the calls of schedules until the signal aborts. Resolves once what was done is written; never rejects. */
  schedule(signal: AbortSignal): Promise<void> {
    return this.#options.schedules.run(signal);
  }

  /**
   * Makes calls until the signal aborts. Resolves when those that were under way then have ended or were handed back. Never
   * rejects.
   * @param othersDone resolves when no process before this one makes calls any more
   */
  async run(signal: AbortSignal, othersDone: Promise<void>): Promise<void> {
    void this.#recover(signal, othersDone);
    void this.#forget(signal);
    await this.#worker.run(signal);
    this.#sender.close();
  }

  /** Writes what is under way and lets go of the queue. */
  async close(): Promise<void> {
    await this.#options.queue.close();
  }

  async #callsOf(fn: FunctionName): Promise<FunctionCalls> {
    const status = await this.#options.provider.status(fn, { usage: false });
    const { maxInflight } = callLimitsOf(status.envVars ?? {});
    return { rule: workloadOf(status).async, replicas: status.replicas, maxInflight };
  }

  /** Makes a call once. That its function is not there is no answer of the function's: it may be deployed anew. */
  async #send(call: TakenCall, how: SendOptions): Promise<MadeCall> {
    const outcome = await this.#sender.send(call, how);
    if (outcome.status !== 404 || (await this.#exists(call.fn))) return outcome;
    return { ...outcome, isPlatform: true, error: 'the function is not there' };
  }

  async #exists(fn: FunctionName): Promise<boolean> {
    return this.#options.provider.status(fn, { usage: false }).then(
      () => true,
      (error: unknown) => !(error instanceof FunctionNotFoundError),
    );
  }

  #abort(id: string): void {
    this.#worker.abort(id);
    this.#cancelledElsewhere?.add(id);
  }

  async #recover(signal: AbortSignal, othersDone: Promise<void>): Promise<void> {
    const { queue, log } = this.#options;
    await othersDone;
    while (!signal.aborted) {
      try {
        await queue.recover();
        for (const id of this.#cancelledElsewhere ?? []) await queue.cancel(id);
        this.#cancelledElsewhere = undefined;
        return;
      } catch (error) {
        log.error('cannot look after asynchronous calls that were cut short', { error });
        await pause(recoverAgainMs, signal);
      }
    }
  }

  async #forget(signal: AbortSignal): Promise<void> {
    const { queue, retentionMs, log } = this.#options;
    const everyMs = Math.min(Math.max(retentionMs / 10, lookMs.least), lookMs.most);
    for (; !signal.aborted; await pause(everyMs, signal)) {
      const before = Date.now() - retentionMs;
      await queue.expire(before).catch((error: unknown) => log.error('cannot forget asynchronous calls', { error }));
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}
