import type { Log } from '../../base/log.ts';
import type { PartHealth } from '../../base/part-health.ts';
import type { EventFeed } from '../../provider/index.ts';

/** Knows which parts of the daemon are well, and says in the log when that changes. */
export class Parts {
  readonly #log: Log;
  readonly #events: EventFeed | undefined;
  readonly #problems = new Map<string, string | undefined>();

  constructor(log: Log, events?: EventFeed) {
    this.#log = log;
    this.#events = events;
  }

  /**
   * Says how a part is; the same words again are not logged again.
   * @param problem what is wrong and what to do; undefined when all is well
   */
  set(name: string, problem: string | undefined): void {
    const before = this.#problems.get(name);
    this.#problems.set(name, problem);
    if (problem === before) return;
    const text = problem === undefined ? `${name} is well again` : `${name} is not well: ${problem}`;
    this.#log[problem === undefined ? 'info' : 'warn'](text);
    const how =
      problem === undefined ? ({ kind: 'part-well' } as const) : ({ kind: 'part-unwell', severity: 'warn' } as const);
    this.#events?.tell({ ...how, text });
  }

  /** Lists the parts that were told of, in the order of their first mention. */
  list(): PartHealth[] {
    return [...this.#problems].map(([name, problem]) => ({ name, healthy: problem === undefined, problem }));
  }
}
