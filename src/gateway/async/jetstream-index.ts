import { fullName, type FullName, type FunctionName } from '../../provider/index.ts';
import type { CallSummary } from './jetstream-call.ts';
import type { CallKind, Lane, StateCounts } from './queue.ts';
import { WaitingCalls } from './waiting-calls.ts';

type LaneName = Pick<Lane, 'fn' | 'kind'>;

/** What is known without asking the server: how many calls are in which state, and two numbers for each that waits. */
export class JetstreamIndex {
  readonly #lanes = new Map<string, { name: LaneName; waiting: WaitingCalls }>();
  readonly #counts = new Map<FullName, StateCounts>();
  /** Queued and running calls and callbacks, and the bytes of their bodies. */
  readonly unended = { calls: 0, bytes: 0 };
  /** Who has taken the calls that run, by their messages. */
  readonly running = new Map<number, string>();
  /** The largest of all calls. */
  lastOrder = 0;

  /**
   * Learns that a call has changed, or is new, or forgotten.
   * @param by who has changed it
   */
  change(before: CallSummary | undefined, after: CallSummary | undefined, by: 'us' | 'others' = 'us'): void {
    if (before) this.#count(before, -1);
    if (after) this.#count(after, 1);
    if (before?.state === 'running') this.running.delete(before.seq);
    if (after?.state === 'running') this.running.set(after.seq, after.owner ?? '');
    this.lastOrder = Math.max(this.lastOrder, after?.order ?? 0);
    // What begins to run here was taken out before.
    const wasTakenOut = by === 'us' && after?.state === 'running';
    if (before?.state === 'queued' && !wasTakenOut) this.#lane(before).waiting.remove(before.seq);
    if (after?.state === 'queued') this.#lane(after).waiting.add(after.dueMs, after.seq);
  }

  *lanes(): Iterable<Lane> {
    for (const { name, waiting } of this.#lanes.values()) {
      if (waiting.size > 0) yield { ...name, queued: waiting.size, dueMs: waiting.firstDueMs };
    }
  }

  /** Takes out the messages of the first calls of a lane that are due: they no longer wait, and are still counted as queued. */
  takeDue(lane: LaneName, nowMs: number, most: number): number[] {
    return this.#lanes.get(laneKey(lane))?.waiting.takeDue(nowMs, most) ?? [];
  }

  counts(): Map<FullName, StateCounts> {
    return new Map([...this.#counts].map(([name, counts]) => [name, { ...counts }]));
  }

  pending(fn: FunctionName): number {
    const counts = this.#counts.get(fullName(fn));
    return counts ? counts.queued + counts.running : 0;
  }

  #count({ fn, kind, state, isDead, bodyBytes }: CallSummary, by: 1 | -1): void {
    if (state === 'queued' || state === 'running') {
      this.unended.calls += by;
      this.unended.bytes += by * bodyBytes;
    }
    if (kind !== 'call') return;
    const name = fullName(fn);
    const counts = this.#counts.get(name) ?? { queued: 0, running: 0, done: 0, failed: 0, cancelled: 0, dead: 0 };
    counts[state] += by;
    if (isDead) counts.dead += by;
    if (Object.values(counts).some((count) => count > 0)) this.#counts.set(name, counts);
    else this.#counts.delete(name);
  }

  #lane({ fn, kind }: LaneName): { waiting: WaitingCalls } {
    const key = laneKey({ fn, kind });
    const lane = this.#lanes.get(key) ?? { name: { fn, kind }, waiting: new WaitingCalls() };
    this.#lanes.set(key, lane);
    return lane;
  }
}

function laneKey({ fn, kind }: { fn: FunctionName; kind: CallKind }): string {
  return `${kind} ${fullName(fn)}`;
}
