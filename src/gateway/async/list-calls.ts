import { fullName } from '../../provider/index.ts';
import { recordOf, type CallSummary } from './jetstream-call.ts';
import type { JetstreamStore } from './jetstream-store.ts';
import type { CallRecord, ListOptions } from './queue.ts';

/** Looks through all calls for those that are asked for, newest first. */
export async function listCalls(store: JetstreamStore, options: ListOptions): Promise<CallRecord[]> {
  const { limit, before } = options;
  const last = before === undefined ? undefined : await store.read(before);
  if (before !== undefined && !last) return [];
  let found = new Map<string, CallSummary>();
  for await (const call of store.summaries()) {
    // A call that changes meanwhile comes again.
    found.delete(call.id);
    if (isAskedFor(call, options) && (!last || call.order < last.order)) found.set(call.id, call);
    if (found.size > 4 * limit + 1000) found = newest(found, limit);
  }
  const records: CallRecord[] = [];
  for (const { id } of newest(found, limit).values()) {
    const call = await store.read(id);
    if (call) records.push(recordOf(call));
  }
  return records;
}

function newest(calls: Map<string, CallSummary>, most: number): Map<string, CallSummary> {
  return new Map([...calls].sort(([, a], [, b]) => b.order - a.order).slice(0, most));
}

function isAskedFor(call: CallSummary, { fn, state }: ListOptions): boolean {
  if (fn && fullName(call.fn) !== fullName(fn)) return false;
  return state === undefined || (state === 'dead' ? call.isDead === true : call.state === state);
}

/** Looks for the calls that ended before a moment. They are the first of the stream, as their end was their last change. */
export async function endedBefore(store: JetstreamStore, endedBeforeMs: number): Promise<CallSummary[]> {
  const found: CallSummary[] = [];
  for await (const call of store.summaries()) {
    if (call.endedMs === undefined) continue;
    if (call.endedMs >= endedBeforeMs) break;
    found.push(call);
  }
  return found;
}
