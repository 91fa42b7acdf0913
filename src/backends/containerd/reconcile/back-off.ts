export interface BackOff {
  baseMs: number;
  maxMs: number;
}

/** Milliseconds before the next try: none after the first failure, then doubling up to the maximum, the upper half random. */
export function backOffMs(failures: number, { baseMs, maxMs }: BackOff, random = Math.random): number {
  if (failures <= 1) return 0;
  const fullMs = Math.min(maxMs, baseMs * 2 ** (failures - 2));
  return fullMs * (0.5 + random() / 2);
}
