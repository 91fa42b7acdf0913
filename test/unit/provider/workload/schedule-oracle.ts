/** Says when a schedule is due by trying each minute: slow, and told in another way than the code under test. */

const minuteMs = 60_000;

interface WallTime {
  day: string;
  minute: number;
}

/** Sets of minutes, hours and days of the month; a day of the week is not told here. */
export interface Wanted {
  minutes: number[];
  hours: number[];
  days?: number[];
}

/** Returns each due time after a moment and not after another, in milliseconds since the epoch. */
export function dueTimes(wanted: Wanted, zone: string, fromMs: number, untilMs: number): number[] {
  const wall = wallClock(zone);
  const isWanted = ({ day, minute }: WallTime) =>
    wanted.minutes.includes(minute % 60) &&
    wanted.hours.includes(Math.floor(minute / 60)) &&
    (wanted.days ?? [Number(day.slice(-2))]).includes(Number(day.slice(-2)));
  const isEveryHour = wanted.hours.length === 24;
  const found: number[] = [];
  const seen = new Set<string>();
  for (let atMs = fromMs - 180 * minuteMs; atMs <= untilMs; atMs += minuteMs) {
    const now = wall(atMs);
    const before = wall(atMs - minuteMs);
    const wasSeen = seen.has(`${now.day} ${now.minute}`);
    seen.add(`${now.day} ${now.minute}`);
    const skipped: WallTime[] = [];
    for (let shownMs = shown(before) + minuteMs; shownMs < shown(now); shownMs += minuteMs)
      skipped.push({ day: new Date(shownMs).toISOString().slice(0, 10), minute: (shownMs / minuteMs) % 1440 });
    const isDue = (isWanted(now) && (isEveryHour || !wasSeen)) || (!isEveryHour && skipped.some(isWanted));
    if (isDue && atMs > fromMs) found.push(atMs);
  }
  return found;
}

function shown({ day, minute }: WallTime): number {
  return Date.parse(day) + minute * minuteMs;
}

function wallClock(timeZone: string): (atMs: number) => WallTime {
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone,
    dateStyle: 'short',
    timeStyle: 'short',
  });
  return (atMs) => {
    const [day = '', time = ''] = format.format(atMs).split(' ');
    const [hour = 0, minute = 0] = time.split(':').map(Number);
    return { day, minute: hour * 60 + minute };
  };
}
