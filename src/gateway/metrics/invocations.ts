import { Counter, Gauge, Histogram, type Registry } from '@prometheus-io/client';
import { monotonicMs } from '../../base/monotonic.ts';
import { type FunctionName, fullName } from '../../provider/index.ts';
import { FunctionTraffic } from '../calls/function-traffic.ts';

/** A call under way; `end` takes the status that the caller got. */
export interface Invocation {
  end(status: number): void;
}

interface Counted {
  traffic: FunctionTraffic;
  /** Statuses that have series. */
  codes: Set<string>;
}

/**
 * Counts calls under the gateway's metric names, which public dashboards rely on, and measures each function's traffic.
 * Only calls of known functions come here, so that callers cannot make series.
 * Source: https://docs.openfaas.com/architecture/metrics/
 */
export class Invocations {
  readonly #started: Counter<'function_name'>;
  readonly #ended: Counter<'function_name' | 'code'>;
  readonly #seconds: Histogram<'function_name' | 'code'>;
  readonly #inFlight: Gauge<'function_name'>;
  readonly #functions = new Map<string, Counted>();
  readonly #nowMs: () => number;
  #begun = 0;

  /** @param nowMs a monotonic clock. */
  constructor(registry: Registry, nowMs: () => number = monotonicMs) {
    const byName = { labelNames: ['function_name'] as const, registers: [registry] };
    const byCode = { labelNames: ['function_name', 'code'] as const, registers: [registry] };
    this.#nowMs = nowMs;
    const prefix = 'gateway_function_invocation';
    this.#started = new Counter({ name: `${prefix}_started`, help: 'Function calls begun', ...byName });
    this.#inFlight = new Gauge({ name: `${prefix}_inflight`, help: 'Function calls under way', ...byName });
    this.#ended = new Counter({ name: `${prefix}_total`, help: 'Function calls ended', ...byCode });
    this.#seconds = new Histogram({ name: 'gateway_functions_seconds', help: 'Function time taken', ...byCode });
  }

  /** How many calls of all functions have begun since the start. */
  get begun(): number {
    return this.#begun;
  }

  /** Counts a call as begun. */
  begin(fn: FunctionName): Invocation {
    this.#begun += 1;
    const function_name = fullName(fn);
    const { traffic, codes } = this.#counted(fn);
    const startedMs = this.#nowMs();
    traffic.enter(startedMs);
    this.#started.inc({ function_name });
    this.#inFlight.inc({ function_name });
    return {
      end: (status) => {
        const endedMs = this.#nowMs();
        const code = String(status);
        codes.add(code);
        traffic.leave(endedMs);
        traffic.ended(endedMs);
        this.#inFlight.dec({ function_name });
        this.#ended.inc({ function_name, code });
        this.#seconds.observe({ function_name, code }, (endedMs - startedMs) / 1000);
      },
    };
  }

  /**
   * Counts a call that waits for a replica as one in flight. A name that was never counted may be nobody's and is not
   * remembered.
   * @returns what says that the call waits no more.
   */
  hold(fn: FunctionName): () => void {
    const traffic = this.#functions.get(fullName(fn))?.traffic;
    traffic?.enter(this.#nowMs());
    return () => traffic?.leave(this.#nowMs());
  }

  /** Returns the traffic of a function that is known to be there; it begins now when there was none. */
  traffic(fn: FunctionName): FunctionTraffic {
    return this.#counted(fn).traffic;
  }

  /** Counts the calls that ended since the start. */
  count(fn: FunctionName): number {
    return this.#functions.get(fullName(fn))?.traffic.total ?? 0;
  }

  /** Drops what is kept for functions that are not in `existing`, unless they had traffic since `sinceMs`. */
  forgetOthers(existing: ReadonlySet<string>, sinceMs: number): void {
    for (const [function_name, { traffic, codes }] of this.#functions) {
      if (existing.has(function_name) || traffic.inFlight > 0 || traffic.lastActivityMs >= sinceMs) continue;
      this.#functions.delete(function_name);
      this.#started.remove({ function_name });
      this.#inFlight.remove({ function_name });
      for (const code of codes) {
        this.#ended.remove({ function_name, code });
        this.#seconds.remove({ function_name, code });
      }
    }
  }

  #counted(fn: FunctionName): Counted {
    const name = fullName(fn);
    let counted = this.#functions.get(name);
    if (!counted) {
      counted = { traffic: new FunctionTraffic(this.#nowMs()), codes: new Set() };
      this.#functions.set(name, counted);
    }
    return counted;
  }
}
