import { z } from 'zod';
import { parseJson } from '../../base/parse-json.ts';
import { fullName, type FunctionName } from '../../provider/index.ts';

/** What is kept of one function's alerts over a restart. */
export const keptHold = z.object({ added: z.record(z.string(), z.number().nonnegative()), floor: z.number() });
export type KeptHold = z.infer<typeof keptHold>;
const note = z.record(z.string(), keptHold);

interface Hold {
  /** Replicas that each alert has added, by the alert's key. */
  added: Map<string, number>;
  /** Replicas that the function had once its alerts had added theirs. */
  floor: number;
  /** Replicas that its load wanted when it was last looked at. */
  byLoad: number;
}

/** Remembers what firing alerts have added: it stays, whatever the load wants, until they are resolved. */
export class AlertHolds {
  readonly #holds = new Map<string, Hold>();

  /** An alert has scaled a function up. */
  fired(fn: FunctionName, alert: string, { from, to }: { from: number; to: number }): void {
    const hold = this.#holds.get(fullName(fn)) ?? { added: new Map<string, number>(), floor: 0, byLoad: 0 };
    hold.added.set(alert, (hold.added.get(alert) ?? 0) + to - from);
    hold.floor = to;
    this.#holds.set(fullName(fn), hold);
  }

  /**
   * An alert is over.
   * @returns the replicas that the function should have without it; undefined where it is not known to have added any
   */
  resolved(fn: FunctionName, alert: string, replicas: number): number | undefined {
    const hold = this.#holds.get(fullName(fn));
    const added = hold?.added.get(alert);
    if (!hold || added === undefined) return undefined;
    hold.added.delete(alert);
    hold.floor -= added;
    if (hold.added.size === 0) this.#holds.delete(fullName(fn));
    return Math.min(replicas, Math.max(replicas - added, hold.byLoad));
  }

  /** Says how many of its replicas a function is to have when its load wants so many. */
  keep(fn: FunctionName, replicas: number, byLoad: number): number {
    const hold = this.#holds.get(fullName(fn));
    if (!hold) return byLoad;
    // Where they are the same it may have no wish at all.
    if (byLoad !== replicas) hold.byLoad = byLoad;
    // A person may have taken some away: none are added here.
    return Math.max(byLoad, Math.min(replicas, hold.floor));
  }

  /** Returns what is to be kept over a restart, by the functions' full names. */
  kept(): Record<string, KeptHold> {
    const kept = [...this.#holds].map(([name, { added, floor }]) => [
      name,
      { added: Object.fromEntries(added), floor },
    ]);
    return Object.fromEntries(kept) as Record<string, KeptHold>;
  }

  /** Takes over what an earlier process kept. */
  add(kept: Record<string, KeptHold>): void {
    for (const [name, { added, floor }] of Object.entries(kept))
      this.#holds.set(name, { added: new Map(Object.entries(added)), floor, byLoad: 0 });
  }

  /** Takes what the gateways have in common instead of what was known; nothing where nothing was ever written there. */
  follow(text: string): void {
    const { success, data } = note.safeParse(parseJson(text));
    if (!success) return;
    for (const name of this.#holds.keys()) if (!Object.hasOwn(data, name)) this.#holds.delete(name);
    for (const [name, { added, floor }] of Object.entries(data)) {
      const { byLoad = 0 } = this.#holds.get(name) ?? {};
      this.#holds.set(name, { added: new Map(Object.entries(added)), floor, byLoad });
    }
  }

  /** Tells whether something is kept for functions that are not in `existing`. */
  hasOthers(existing: ReadonlySet<string>): boolean {
    return this.#holds.keys().some((name) => !existing.has(name));
  }

  /** Drops what is kept for functions that are not in `existing`. */
  forgetOthers(existing: ReadonlySet<string>): void {
    for (const name of this.#holds.keys()) if (!existing.has(name)) this.#holds.delete(name);
  }
}
