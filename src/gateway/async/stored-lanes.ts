import { fullName, type FullName, type FunctionName } from '../../provider/index.ts';
import type { StoredLane } from './call-store.ts';
import type { CallKind, Lane, StateCounts } from './queue.ts';

type Held = StoredLane & { key: string; function: FunctionName };

const none: StateCounts = { queued: 0, running: 0, done: 0, failed: 0, cancelled: 0, dead: 0 };

/** What the store told of its lanes, for those who ask often. */
export class StoredLanes {
  readonly #lanes = new Map<string, Held>();
  /** Calls that wait or run, calls that have ended, and what all take. */
  readonly total = { calls: 0, ended: 0, bytes: 0, endedBytes: 0 };

  /** @param all leaves no lane that is not among these */
  update(lanes: StoredLane[], all: boolean): void {
    if (all) for (const held of [...this.#lanes.values()]) this.#drop(held);
    for (const lane of lanes) {
      const key = keyOf(lane.fn, lane.kind);
      const held = this.#lanes.get(key);
      if (held) this.#drop(held);
      this.#hold({ ...lane, key, function: held?.function ?? functionOf(lane.fn) });
    }
  }

  /** The lanes in which calls wait. */
  *waiting(): Iterable<Lane> {
    for (const { function: fn, kind, calls, dueMs } of this.#lanes.values())
      if (calls.queued) yield { fn, kind, queued: calls.queued, dueMs };
  }

  pending(fn: FunctionName): number {
    const lane = this.#lanes.get(keyOf(fullName(fn), 'call'));
    return lane ? pendingOf(lane) : 0;
  }

  counts(): Map<string, StateCounts> {
    const counts = new Map<string, StateCounts>();
    for (const { fn, kind, calls } of this.#lanes.values()) {
      if (kind !== 'call') continue;
      counts.set(fn, { ...none, ...calls, failed: (calls.failed ?? 0) + (calls.dead ?? 0) });
    }
    return counts;
  }

  #hold(lane: Held): void {
    const { calls } = lane;
    if (Object.values(calls).every((count) => count === 0)) return;
    this.#lanes.set(lane.key, lane);
    this.#count(lane, 1);
  }

  #drop(lane: Held): void {
    this.#lanes.delete(lane.key);
    this.#count(lane, -1);
  }

  #count(lane: Held, sign: 1 | -1): void {
    const all = Object.values(lane.calls).reduce((sum, count) => sum + count, 0);
    this.total.calls += sign * pendingOf(lane);
    this.total.ended += sign * (all - pendingOf(lane));
    this.total.bytes += sign * lane.bytes;
    this.total.endedBytes += sign * lane.endedBytes;
  }
}

function keyOf(fn: FullName, kind: CallKind): string {
  return `${kind} ${fn}`;
}

function pendingOf({ calls }: StoredLane): number {
  return (calls.queued ?? 0) + (calls.running ?? 0);
}

/** Splits the full name of a function, as it was made by `fullName`. */
export function functionOf(fn: FullName): FunctionName {
  const dot = fn.lastIndexOf('.');
  return { name: fn.slice(0, dot), namespace: fn.slice(dot + 1) };
}
