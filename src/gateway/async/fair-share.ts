/** Somebody who wants slots. */
export interface Sharer {
  /** Slots that it has. */
  running: number;
  /** Slots that it may have. */
  limit: number;
  /** Slots that it could use beside those. */
  wanted: number;
  /** When it was given some last: the less, the longer ago. */
  turn: number;
}

/** The more, the less is left free for those who have nothing yet. */
const greed = 8;
/** More are not given at a time. */
const mostAtOnce = 64;

/**
 * Gives out free slots one by one, each to who has the fewest. Who has some leaves others free for who is yet to come, the
 * more the more it has, and the last one always: one that wants all cannot keep out the rest.
 * @returns how many each is given, in the order of `sharers`
 */
export function shareOut(sharers: readonly Sharer[], free: number): number[] {
  const given = sharers.map(() => 0);
  const has = (at: number) => (sharers[at]?.running ?? 0) + (given[at] ?? 0);
  const mayHaveMore = (at: number, left: number) => {
    const { limit, wanted } = sharers[at] ?? { limit: 0, wanted: 0 };
    const more = given[at] ?? 0;
    return (
      more < Math.min(wanted, mostAtOnce) && has(at) < limit && (has(at) === 0 || (left > 1 && has(at) < greed * left))
    );
  };
  for (let left = free; left > 0; left -= 1) {
    let best = -1;
    for (const at of sharers.keys())
      if (mayHaveMore(at, left) && (best === -1 || comesBefore(sharers, has, at, best))) best = at;
    if (best === -1) break;
    given[best] = (given[best] ?? 0) + 1;
  }
  return given;
}

function comesBefore(sharers: readonly Sharer[], has: (at: number) => number, a: number, b: number): boolean {
  return has(a) < has(b) || (has(a) === has(b) && (sharers[a]?.turn ?? 0) < (sharers[b]?.turn ?? 0));
}
