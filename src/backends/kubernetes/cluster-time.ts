/** A moment of the cluster's: the client gives a Date in what it lists, and a text in what it watches, whatever its types say. */
type ClusterTime = Date | string | undefined;

/** Writes a moment as RFC 3339. */
export function isoTime(time: ClusterTime): string | undefined {
  if (time === undefined) return undefined;
  return typeof time === 'string' ? time : time.toISOString();
}

/** Milliseconds since 1970; NaN for none. */
export function timeMs(time: ClusterTime): number {
  return time === undefined ? NaN : new Date(time).getTime();
}
