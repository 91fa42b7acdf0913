/** The arithmetic of charts. */

export type Values = readonly (number | null)[];

export interface ChartSize {
  width: number;
  height: number;
  /** The value at the top. */
  most: number;
}

/** Returns an SVG path through the values; where one is not known it is broken. */
export function linePath(values: Values, size: ChartSize): string {
  return runsOf(values, size)
    .filter((points) => points.length > 1)
    .map((points) => `M${points.map(({ x, y }) => `${x} ${y}`).join('L')}`)
    .join('');
}

/** Returns an SVG path of the values that are alone. */
export function dotsPath(values: Values, size: ChartSize): string {
  return runsOf(values, size)
    .filter((points) => points.length === 1)
    .map(([point]) => `M${point?.x} ${point?.y}h0`)
    .join('');
}

/** Returns an SVG path around what is below that line. */
export function areaPath(values: Values, size: ChartSize): string {
  return runsOf(values, size)
    .filter((points) => points.length > 1)
    .map(
      (points) => `M${points[0]?.x} ${size.height}${points.map(({ x, y }) => `L${x} ${y}`).join('')}V${size.height}Z`,
    )
    .join('');
}

/** Returns points that follow one another, in parts: between two parts something is not known. */
function runsOf(values: Values, { width, height, most }: ChartSize): { x: number; y: number }[][] {
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  const runs: { x: number; y: number }[][] = [];
  values.forEach((value, i) => {
    if (value === null) return;
    if (i === 0 || values[i - 1] === null) runs.push([]);
    runs.at(-1)?.push({ x: short(i * step), y: short(height - (Math.min(value, most) / most) * height) });
  });
  return runs;
}

const [roundNumbers, roundBytes] = [
  [1, 1.5, 2, 3, 4, 5, 6, 8, 10],
  [1, 1.5, 2],
];

/** Returns a round number at or above all values; of bytes a power of two, or one and a half of it. */
export function topOf(series: readonly Values[], isBytes = false): number {
  const most = Math.max(0, ...series.flat().map((value) => value ?? 0));
  if (most === 0) return isBytes ? 1024 * 1024 : 1;
  const power = isBytes ? 2 ** Math.floor(Math.log2(most)) : 10 ** Math.floor(Math.log10(most));
  return (
    (isBytes ? roundBytes : roundNumbers)
      .map((times) => Number((times * power).toPrecision(12)))
      .find((round) => round >= most) ?? most
  );
}

const [quarterMs, quarterDayMs] = [15 * 60_000, 6 * 3_600_000];

/**
 * Returns the quarters of an hour in the steps, or of a day where there are more than some hours of them, by the clock of whoever
 * looks.
 * @param fromMs begin of the first step
 * @param last number of the last step
 */
export function ticksOf(fromMs: number, stepSeconds: number, last: number): { share: number; moment: number }[] {
  const lengthMs = last * stepSeconds * 1000;
  const everyMs = lengthMs > 2 * quarterDayMs ? quarterDayMs : quarterMs;
  const offsetMs = new Date(fromMs).getTimezoneOffset() * 60_000;
  const ticks = [];
  for (let moment = Math.ceil((fromMs - offsetMs) / everyMs) * everyMs + offsetMs; moment <= fromMs + lengthMs;) {
    ticks.push({ share: (moment - fromMs) / lengthMs, moment });
    moment += everyMs;
  }
  return ticks;
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
