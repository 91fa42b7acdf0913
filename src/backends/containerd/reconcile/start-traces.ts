import type { Log } from '../../../base/log.ts';
import { fullName, type FunctionName } from '../../../provider/index.ts';
import { StartTrace, untimed, type Timed } from '../start-trace.ts';
import type { Replica } from './replica.ts';

/** The starts under way: each begins with its first step, and ends as its replica is ready, in a line of the debug log. */
export class StartTraces {
  readonly #log: Log;
  readonly #underWay = new WeakMap<Replica, StartTrace>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** A replica's start begins. */
  begin(replica: Replica): void {
    this.#underWay.set(replica, new StartTrace());
  }

  /** Returns what measures the steps of a replica's start, if one is under way. */
  timed(replica: Replica): Timed {
    return this.#underWay.get(replica)?.timed ?? untimed;
  }

  /** The replica has become ready. */
  ready(fn: FunctionName, replica: Replica): void {
    const trace = this.#underWay.get(replica);
    if (!trace) return;
    const { ageMs: ms, steps } = trace;
    this.#log.debug('start trace', { function: fullName(fn), replica: replica.id, ms, steps });
    this.#underWay.delete(replica);
  }
}
