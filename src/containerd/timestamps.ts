interface Timestamp {
  seconds: number;
  nanos: number;
}

/** Go's zero time, 0001-01-01: what containerd sends for "not yet". */
const zeroTimeSeconds = -62_135_596_800;

/** Reads a time; undefined when containerd has none to tell, such as the exit of a running task. */
export function toDate(timestamp: Timestamp | null | undefined): Date | undefined {
  if (!timestamp || timestamp.seconds === zeroTimeSeconds) return undefined;
  return new Date(timestamp.seconds * 1000 + timestamp.nanos / 1e6);
}
