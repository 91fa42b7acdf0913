import type { Happening } from './event-feed.ts';

/** How many replicas were wanted and are, and whether somebody asked for it or the load. */
interface Scaled {
  from: number;
  to: number;
  isAskedFor: boolean;
}

/** Says what a function that is scaled does. */
export function scaleEvent({ from, to, isAskedFor }: Scaled): Happening {
  if (to === 0) return { kind: 'asleep', text: isAskedFor ? 'was put to sleep' : 'fell asleep, as nobody called it' };
  if (from === 0) return { kind: 'woken', text: `wakes, with ${to} ${to === 1 ? 'replica' : 'replicas'}` };
  return {
    kind: 'scaled',
    text: `goes from ${from} to ${to} replicas${isAskedFor ? ', as was asked for' : ', for its load'}`,
  };
}
