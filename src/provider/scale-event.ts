import type { Happening } from './event-feed.ts';
import type { ScaleOptions } from './provider.ts';

/** How many replicas were wanted and are, and what wants it. */
interface Scaled {
  from: number;
  to: number;
  by?: ScaleOptions['by'] | 'person';
}

const reasons = { call: 'by a call', load: 'for its load', alert: 'by an alert', person: 'as was asked for' };

/** Says what a function that is scaled does. */
export function scaleEvent({ from, to, by = 'person' }: Scaled): Happening {
  if (to === 0)
    return { kind: 'asleep', text: by === 'person' ? 'was put to sleep' : 'fell asleep, as nobody called it' };
  const why = reasons[by];
  if (from > 0) return { kind: 'scaled', text: `goes from ${from} to ${to} replicas, ${why}` };
  return { kind: 'woken', text: `was woken ${why}, with ${to} ${to === 1 ? 'replica' : 'replicas'}` };
}
