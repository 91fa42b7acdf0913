import { Counter, type Registry } from '@prometheus-io/client';
import { fullName, type FunctionName } from '../../provider/index.ts';
import { readSeries } from '../metrics/read-series.ts';
import type { Queue } from './queue.ts';

/** What came of posting an answer once. */
export type CallbackResult = (typeof callbackResults)[number];

const callbackResults = ['done', 'retried', 'failed'] as const;

/** OpenFaaS's own name of the queue that all functions share. */
const queue_name = 'faas-request';

type Names = 'queue_name' | 'function_name';

/**
 * Counts asynchronous calls for the metrics, of functions that have had any: under the names of OpenFaaS's queue-worker where
 * it has them. Source: https://docs.openfaas.com/architecture/metrics/
 */
export class AsyncMetrics {
  readonly #submitted: Counter<Names>;
  readonly #processed: Counter<Names>;
  readonly #retried: Counter<'function_name'>;
  readonly #dead: Counter<'function_name'>;
  readonly #callbacks: Counter<'function_name' | 'result'>;
  readonly #inFlight = new Map<string, number>();
  readonly #queue: Pick<Queue, 'lanes'>;
  /** The functions that have series, by their full names. */
  readonly #counted = new Set<string>();

  constructor(registry: Registry, queue: Pick<Queue, 'lanes'>) {
    this.#queue = queue;
    const registers = [registry];
    const names = ['queue_name', 'function_name'] as const;
    const own = ['function_name'] as const;
    const worker = 'queue_worker_messages';
    const help = (what: string) => `Asynchronous calls ${what}`;
    this.#submitted = new Counter({
      name: `${worker}_submitted_total`,
      help: help('taken'),
      labelNames: names,
      registers,
    });
    this.#processed = new Counter({
      name: `${worker}_processed_total`,
      help: help('ended'),
      labelNames: names,
      registers,
    });
    this.#retried = new Counter({
      name: 'berth_async_retried_total',
      help: help('queued anew after an attempt that failed'),
      labelNames: own,
      registers,
    });
    this.#dead = new Counter({
      name: 'berth_async_failed_total',
      help: help('failed for good'),
      labelNames: own,
      registers,
    });
    this.#callbacks = new Counter({
      name: 'berth_async_callbacks_total',
      help: 'Answers posted to callbacks, by what came of it',
      labelNames: ['function_name', 'result'],
      registers,
    });
    readSeries(registry, {
      name: 'queue_worker_pending_messages',
      help: help('that wait'),
      type: 'gauge',
      read: () =>
        [...waiting(queue)].map(([function_name, value]) => ({ labels: { queue_name, function_name }, value })),
    });
    readSeries(registry, {
      name: 'queue_worker_function_invocation_inflight',
      help: help('under way'),
      type: 'gauge',
      read: () =>
        [...this.#inFlight].map(([function_name, value]) => ({ labels: { queue_name, function_name }, value })),
    });
  }

  /** Drops the series of functions that are not in `existing`, and of which no call is left. */
  forgetOthers(existing: ReadonlySet<string>): void {
    const waits = waiting(this.#queue);
    for (const function_name of this.#counted) {
      const isUsed = (waits.get(function_name) ?? 0) > 0 || (this.#inFlight.get(function_name) ?? 0) > 0;
      if (existing.has(function_name) || isUsed) continue;
      this.#counted.delete(function_name);
      this.#inFlight.delete(function_name);
      for (const counter of [this.#submitted, this.#processed]) counter.remove({ queue_name, function_name });
      for (const counter of [this.#retried, this.#dead]) counter.remove({ function_name });
      for (const result of callbackResults) this.#callbacks.remove({ function_name, result });
    }
  }

  submitted(fn: FunctionName): void {
    this.#submitted.inc({ queue_name, function_name: this.#nameOf(fn) });
  }

  /** Counts a call as under way. */
  began(fn: FunctionName): void {
    const name = this.#nameOf(fn);
    this.#inFlight.set(name, (this.#inFlight.get(name) ?? 0) + 1);
  }

  /** It is under way no more. */
  ended(fn: FunctionName): void {
    this.#inFlight.set(fullName(fn), (this.#inFlight.get(fullName(fn)) ?? 1) - 1);
  }

  processed(fn: FunctionName): void {
    this.#processed.inc({ queue_name, function_name: this.#nameOf(fn) });
  }

  retried(fn: FunctionName): void {
    this.#retried.inc({ function_name: this.#nameOf(fn) });
  }

  failed(fn: FunctionName): void {
    this.#dead.inc({ function_name: this.#nameOf(fn) });
  }

  calledBack(fn: FunctionName, result: CallbackResult): void {
    this.#callbacks.inc({ function_name: this.#nameOf(fn), result });
  }

  #nameOf(fn: FunctionName): string {
    const name = fullName(fn);
    this.#counted.add(name);
    return name;
  }
}

function waiting(queue: Pick<Queue, 'lanes'>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { fn, kind, queued } of queue.lanes()) if (kind === 'call') counts.set(fullName(fn), queued);
  return counts;
}
