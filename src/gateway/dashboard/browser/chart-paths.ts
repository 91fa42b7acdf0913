/** The arithmetic of charts. */

export type Values = readonly (number | null)[];

export interface ChartSize {
  width: number;
  height: number;
  /** The value at the top. */
  most: number;
}

/** Returns an SVG path through the values; where one is not known it is broken, and one alone is a dot. */
export function linePath(values: Values, { width, height, most }: ChartSize): string {
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  let path = '';
  values.forEach((value, i) => {
    if (value === null) return;
    const isStart = i === 0 || values[i - 1] === null;
    const at = `${short(i * step)} ${short(height - (Math.min(value, most) / most) * height)}`;
    path += isStart ? `M${at}` : `L${at}`;
    if (isStart && (values[i + 1] ?? null) === null) path += 'h0';
  });
  return path;
}

/** Returns a round number at or above all values: 1, 2 or 5 times a power of ten, or of bytes a power of two. */
export function topOf(series: readonly Values[], isBytes = false): number {
  const most = Math.max(0, ...series.flat().map((value) => value ?? 0));
  if (most === 0) return 1;
  if (isBytes) return 2 ** Math.ceil(Math.log2(most));
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((times) => times * power).find((round) => round >= most) ?? most;
}

/** Returns what a line shows, in words. */
export function wordsOf(label: string, values: Values, text: (value: number) => string): string {
  const known = values.filter((value) => value !== null);
  const last = known.at(-1);
  if (last === undefined) return `${label}: nothing is known`;
  return `${label}: last ${text(last)}, least ${text(Math.min(...known))}, most ${text(Math.max(...known))}`;
}

function short(value: number): number {
  return Math.round(value * 10) / 10;
}
