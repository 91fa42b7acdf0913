/** Returns the first due time after a moment, undefined where none comes. */
type NextTime = (afterMs: number) => number | undefined;

const dayMs = 24 * 3_600_000;

/** What a clock on the wall shows at a moment, told as the moment at which one of UTC shows it. */
type WallClock = (atMs: number) => number;

/**
 * Adds times that daylight saving leaves out where clocks go forward to midnight, as in Greenland, which croner passes over: they
 * are due at midnight.
 * @param onWall says when it would be due if the clock on the wall were one of UTC
 */
export function withSkippedTimes(next: NextTime, onWall: NextTime, zone: string): NextTime {
  const wall = wallClock(zone);
  return (afterMs) => {
    const dueMs = next(afterMs);
    if (dueMs === undefined) return undefined;
    const shownMs = wall(dueMs);
    for (let at = onWall(wall(afterMs)); at !== undefined && at < shownMs; at = onWall(at)) {
      const endMs = endOfGap(at, wall);
      if (endMs !== undefined && endMs > afterMs && endMs < dueMs) return endMs;
    }
    return dueMs;
  };
}

function wallClock(zone: string): WallClock {
  if (zone === 'Local') return (atMs) => atMs - new Date(atMs).getTimezoneOffset() * 60_000;
  // Swedes write as ISO 8601 does.
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' });
  return (atMs) => Date.parse(`${format.format(atMs).replace(' ', 'T')}Z`);
}

/** Returns when the clock has gone past a time that it does not show; undefined where it shows it. */
function endOfGap(shownMs: number, wall: WallClock): number | undefined {
  const aheadMs = (atMs: number) => wall(atMs) - atMs;
  const lateMs = shownMs - aheadMs(shownMs - dayMs);
  const earlyMs = shownMs - aheadMs(shownMs + dayMs);
  if (earlyMs >= lateMs || wall(earlyMs) === shownMs || wall(lateMs) === shownMs) return undefined;
  let [before, after] = [earlyMs, lateMs];
  while (after - before > 1000) {
    const middle = Math.floor((before + after) / 2000) * 1000;
    if (aheadMs(middle) === aheadMs(lateMs)) after = middle;
    else before = middle;
  }
  return after;
}
