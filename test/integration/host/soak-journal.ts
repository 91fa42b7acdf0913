/** What a fault did, and when. Times are of the monotonic clock. */
export interface FaultRecord {
  fault: string;
  target: string;
  fromMs: number;
  /** When what it broke was there again. */
  toMs: number;
  /** Which failures nobody could avoid meanwhile. */
  excuses: (failure: Failure) => boolean;
}

/** A call of a function, or a request to the API, that was not answered well. */
export interface Failure {
  kind: 'call' | 'api';
  method: string;
  function: string;
  fromMs: number;
  toMs: number;
  /** 0 when the connection broke or was refused. */
  status: number;
  text: string;
}

/** Keeps what was done to the host and what failed meanwhile, and says which failure nothing excuses. */
export class SoakJournal {
  readonly startedMs = performance.now();
  readonly faults: FaultRecord[] = [];
  readonly failures: Failure[] = [];
  /** Faults that were not over when they should be. */
  readonly problems: string[] = [];

  /** Does something to the host; resolves with it, when what it broke is there again. */
  async fault(fault: Pick<FaultRecord, 'fault' | 'target' | 'excuses'>, act: () => Promise<void>): Promise<void> {
    const record = { ...fault, fromMs: performance.now(), toMs: Infinity };
    this.faults.push(record);
    try {
      await act();
    } catch (error) {
      this.problems.push(`${this.#at(record.fromMs)}: ${fault.fault} ${fault.target}: ${String(error)}`);
    }
    record.toMs = performance.now();
  }

  /** Lists the failures that no fault excuses which was under way at some moment of theirs. */
  get unexplained(): string[] {
    return this.failures
      .filter((failure) => this.#causesOf(failure).length === 0)
      .map((failure) => this.#line(failure));
  }

  /** Lists each fault with the failures that it excuses. */
  get table(): string {
    const rows = this.faults.map((fault) => {
      const failures = this.failures.filter((failure) => this.#causesOf(failure).includes(fault));
      const took = ((fault.toMs - fault.fromMs) / 1000).toFixed(1);
      return `${this.#at(fault.fromMs)} | ${fault.fault} ${fault.target} | ${took} s | ${summary(failures)}`;
    });
    return ['time | fault | for | failures that it excuses', ...rows].join('\n');
  }

  #causesOf(failure: Failure): FaultRecord[] {
    return this.faults.filter(
      ({ fromMs, toMs, excuses }) => failure.fromMs <= toMs && failure.toMs >= fromMs && excuses(failure),
    );
  }

  #line({ kind, method, function: name, fromMs, toMs, status, text }: Failure): string {
    return `${this.#at(fromMs)} to ${this.#at(toMs)}: ${kind} ${method} ${name}: ${status} ${text.trim().slice(0, 300)}`;
  }

  #at(ms: number): string {
    return ((ms - this.startedMs) / 1000).toFixed(2).padStart(7);
  }
}

function summary(failures: Failure[]): string {
  const counts = new Map<string, number>();
  for (const { kind, method, status, text } of failures) {
    const what = `${kind} ${method} ${status || text.trim()}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return [...counts].map(([what, count]) => `${count} ${what}`).join(', ') || 'none';
}
