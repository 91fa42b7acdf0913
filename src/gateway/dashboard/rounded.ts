/** Rounds to as many digits that count, so that what hardly changes is told as the same. */
export function significant(value: number, digits: number): number {
  return Number(value.toPrecision(digits));
}

/** Rounds bytes to a step of a 64th to a 32nd of them, which is finer than anybody sees on a page. */
export function roundedBytes(bytes: number): number {
  if (bytes < 64) return Math.round(bytes);
  const step = 2 ** (Math.floor(Math.log2(bytes)) - 5);
  return Math.round(bytes / step) * step;
}
