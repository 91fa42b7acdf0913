/** Four an octave from 0.1 ms to 10 min: what is told of a duration is off by a tenth at most. */
const perOctave = 4;
const leastMs = 0.1;
const octaves = 22.5;

/** The first is of durations up to the least, the last of those beyond the longest. */
export const bucketCount = octaves * perOctave + 2;

/** Returns which bucket a duration is of. */
export function bucketOf(ms: number): number {
  if (!(ms > leastMs)) return 0;
  return Math.min(bucketCount - 1, 1 + Math.floor(Math.log2(ms / leastMs) * perOctave));
}

/** Returns the duration that stands for those of a bucket, in milliseconds. */
function middleOf(bucket: number): number {
  if (bucket === 0) return leastMs;
  return leastMs * 2 ** ((bucket - 0.5) / perOctave);
}

/**
 * Returns the duration in milliseconds that a share of all do not exceed; undefined where there are none.
 * @param counts how many there are of each bucket
 */
export function durationAt(counts: ArrayLike<number>, share: number): number | undefined {
  let total = 0;
  for (let bucket = 0; bucket < bucketCount; bucket++) total += counts[bucket] ?? 0;
  if (total === 0) return undefined;
  let left = Math.max(1, Math.ceil(total * share));
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    left -= counts[bucket] ?? 0;
    if (left <= 0) return middleOf(bucket);
  }
  return undefined;
}
