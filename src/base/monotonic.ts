/**
 * Returns milliseconds of a clock that only goes forward, for durations and deadlines. The wall clock, `Date`, is set back and
 * forth: it is for what is shown and what is stored.
 */
export function monotonicMs(): number {
  return performance.now();
}
