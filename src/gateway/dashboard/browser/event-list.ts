import type { EventView } from '../wire.ts';
import { wordsOf } from './row-order.ts';

/** Which events are shown. What is empty means any. */
export interface EventQuery {
  /** Words that are all in what happened, or in the name of the function or its namespace. */
  text: string;
  kind: string;
  severity: string;
}

/** How many events are kept. */
export const mostEvents = 500;

/** Returns the list, newest first, with events that came after those in it; one that came before comes not again. */
export function withEvents(list: readonly EventView[], newer: readonly EventView[]): EventView[] {
  const ids = new Set(list.map(({ id }) => id));
  const added = newer.filter(({ id }) => !ids.has(id) && ids.add(id));
  return [...added.reverse(), ...list].slice(0, mostEvents);
}

export function shownEvents(list: readonly EventView[], { text, kind, severity }: EventQuery): EventView[] {
  const words = wordsOf(text);
  return list.filter((event) => {
    if ((kind !== '' && event.kind !== kind) || (severity !== '' && event.severity !== severity)) return false;
    const all = `${event.text} ${event.name ?? ''} ${event.namespace ?? ''}`.toLowerCase();
    return words.every((word) => all.includes(word));
  });
}

/** Returns what a screen reader says of events that have come; nothing where there are none. */
export function newsOf(events: readonly EventView[]): string {
  const last = events.at(-1)?.text ?? '';
  return events.length > 1 ? `${events.length} new events, the last: ${last}` : last;
}
