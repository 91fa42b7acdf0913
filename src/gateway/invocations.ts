import { Counter, Gauge, Histogram, type Registry } from '@prometheus-io/client';
import type { FunctionName } from '../provider/index.ts';

/** A call under way; `end` takes the status that the caller got. */
export interface Invocation {
  end(status: number): void;
}

/**
 * Counts calls under the gateway's metric names, which public dashboards rely on. Only calls of known functions come
 * here, so that callers cannot make series. Source: https://docs.openfaas.com/architecture/metrics/
 */
export class Invocations {
  readonly #started: Counter<'function_name'>;
  readonly #ended: Counter<'function_name' | 'code'>;
  readonly #seconds: Histogram<'function_name' | 'code'>;
  readonly #inFlight: Gauge<'function_name'>;
  readonly #counts = new Map<string, number>();

  constructor(registry: Registry) {
    const registers = [registry];
    this.#started = new Counter({
      name: 'gateway_function_invocation_started',
      help: 'Function calls begun',
      labelNames: ['function_name'],
      registers,
    });
    this.#ended = new Counter({
      name: 'gateway_function_invocation_total',
      help: 'Function calls ended',
      labelNames: ['function_name', 'code'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'gateway_functions_seconds',
      help: 'Function time taken',
      labelNames: ['function_name', 'code'],
      registers,
    });
    this.#inFlight = new Gauge({
      name: 'gateway_function_invocation_inflight',
      help: 'Function calls under way',
      labelNames: ['function_name'],
      registers,
    });
  }

  begin(fn: FunctionName): Invocation {
    const name = fullName(fn);
    const startedMs = performance.now();
    this.#started.inc({ function_name: name });
    this.#inFlight.inc({ function_name: name });
    return {
      end: (status) => {
        const labels = { function_name: name, code: String(status) };
        this.#inFlight.dec({ function_name: name });
        this.#ended.inc(labels);
        this.#seconds.observe(labels, (performance.now() - startedMs) / 1000);
        this.#counts.set(name, this.count(fn) + 1);
      },
    };
  }

  /** Calls ended since the start. */
  count(fn: FunctionName): number {
    return this.#counts.get(fullName(fn)) ?? 0;
  }
}

function fullName({ name, namespace }: FunctionName): string {
  return `${name}.${namespace}`;
}
