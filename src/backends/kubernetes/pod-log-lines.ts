/** A line of a Pod's log. */
export interface PodLine {
  /** As the cluster wrote it, RFC 3339. */
  timestamp: string;
  /** Sorts as the moment does, which the stamp need not, of as many digits as it likes. */
  key: string;
  text: string;
}

const stampPattern = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[-+]\d\d:\d\d)$/;

/** Reads a line of a log that was asked for with stamps; undefined for what is none. */
export function parsePodLine(line: string): PodLine | undefined {
  const space = line.indexOf(' ');
  const timestamp = space === -1 ? line : line.slice(0, space);
  const key = sortKey(timestamp);
  return key === undefined ? undefined : { timestamp, key, text: space === -1 ? '' : line.slice(space + 1) };
}

function sortKey(timestamp: string): string | undefined {
  const [, seconds, fraction = '', zone] = stampPattern.exec(timestamp) ?? [];
  if (seconds === undefined) return undefined;
  const inUtc = zone === 'Z' ? seconds : new Date(`${seconds}${zone}`).toISOString().slice(0, 19);
  return `${inUtc}.${fraction.padEnd(9, '0')}`;
}

/** Writes a moment as a line's key. */
export function keyOfDate(date: Date): string {
  return `${date.toISOString().slice(0, 23)}000000`;
}

/**
 * Merges the lines of several Pods into one log, oldest first.
 * @param tail how many of the last ones are kept; all unless given
 */
export function mergeLines<T extends PodLine>(logs: T[][], tail?: number): T[] {
  // Lines of one Pod stay in its order, as sorting keeps what is equal.
  const all = logs.flat().sort((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)));
  return tail === undefined ? all : all.slice(-tail);
}
