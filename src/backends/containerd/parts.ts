import type { Log } from '../../base/log.ts';
import type { PartHealth } from '../../base/part-health.ts';

/** Knows which parts of the daemon are well, and says in the log when that changes. */
export class Parts {
  readonly #log: Log;
  readonly #problems = new Map<string, string | undefined>();

  constructor(log: Log) {
    this.#log = log;
  }

  /**
   * Says how a part is; the same words again are not logged again.
   * @param problem what is wrong and what to do; undefined when all is well
   */
  set(name: string, problem: string | undefined): void {
    const before = this.#problems.get(name);
    this.#problems.set(name, problem);
    if (problem === before) return;
    if (problem === undefined) this.#log.info(`${name} is well again`);
    else this.#log.warn(`${name} is not well: ${problem}`);
  }

  /** Lists the parts that were told of, in the order of their first mention. */
  list(): PartHealth[] {
    return [...this.#problems].map(([name, problem]) => ({ name, healthy: problem === undefined, problem }));
  }
}
