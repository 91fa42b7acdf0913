import { areaPath, dotsPath, linePath, ticksOf, topOf, wordsOf, type Values } from '../chart-paths.ts';
import { html, useState } from '../preact.js';
import { hourText } from '../texts.ts';

export interface ChartSeries {
  label: string;
  values: Values;
  isBad?: boolean;
}

export interface ChartOptions {
  title: string;
  /** Two at most; the second is drawn in another way. */
  series: ChartSeries[];
  /** Begin of the first step. */
  from: string;
  stepSeconds: number;
  text: (value: number | null | undefined) => string;
  isBytes?: boolean;
}

const [width, height] = [600, 120];

/** Lines over time. What is at a moment is shown by pointing at it, and by the arrow keys. */
export function Chart(chart: ChartOptions) {
  const { title, series, from, stepSeconds, text, isBytes = false } = chart;
  const [at, setAt] = useState<number | undefined>(undefined);
  const most = topOf(
    series.map(({ values }) => values),
    isBytes,
  );
  const isKnown = series.some(({ values }) => values.some((value) => value !== null));
  const last = Math.max(0, (series[0]?.values.length ?? 1) - 1);
  const shown = Math.min(at ?? last, last);
  const clock = hourText(Date.parse(from) + shown * stepSeconds * 1000);
  const ticks = ticksOf(Date.parse(from), stepSeconds, last);
  return html`<figure class="chart">
    <figcaption>
      <strong>${title}</strong>
      <span>
        ${at === undefined ? 'now' : clock}
        ${series.map(({ label, values, isBad }) => html` <span class=${`key ${isBad ? 'bad' : ''}`}>${label} ${text(values[shown])}</span>`)}
      </span>
    </figcaption>
    <div class="scale-of" aria-hidden="true"><span>${isKnown && text(most)}</span><span>0</span></div>
    <div class="plot">
      <${Curves}
        ...${chart}
        most=${most}
        ticks=${ticks.map(({ share }) => share)}
        at=${at === undefined ? undefined : shown / last}
      />
      ${!isKnown && html`<p class="hint none">Nothing yet</p>`}
      <${Pointer} ...${chart} clock=${clock} shown=${shown} last=${last} onPoint=${setAt} />
    </div>
    <div class="axis" aria-hidden="true">
      ${ticks.map(({ share, moment }) => html`<span style=${{ left: `${share * 100}%` }}>${hourText(moment)}</span>`)}
    </div>
  </figure>`;
}

interface CurvesOptions extends ChartOptions {
  most: number;
  /** Where upright lines are, from 0 to 1. */
  ticks: number[];
  /** Where somebody points at. */
  at?: number;
}

function Curves({ title, series, text, most, ticks, at }: CurvesOptions) {
  const size = { width, height, most };
  const [first] = series;
  // No errors are no red line.
  const drawn = series.filter(({ values, isBad }) => !isBad || values.some((value) => value));
  const words = series.map(({ label, values }) => wordsOf(label, values, text)).join('. ');
  const upright = ticks.map((share) => `M${Math.round(share * width)} 0V${height}`).join('');
  return html`<svg
    role="img"
    aria-label=${`${title}. ${words}`}
    viewBox="0 0 ${width} ${height}"
    preserveAspectRatio="none"
  >
    <path class="grid" d=${`M0 .5H${width}M0 ${height / 2}H${width}M0 ${height - 0.5}H${width}${upright}`} />
    ${first && html`<path class="area" d=${areaPath(first.values, size)} />`}
    ${at !== undefined && html`<path class="grid at" d=${`M${at * width} 0V${height}`} />`}
    ${drawn.map(({ values, isBad }, order) => {
      const kind = `curve ${isBad ? 'bad' : order > 0 ? 'second' : ''}`;
      return html`<path class=${kind} d=${linePath(values, size)} />
        <path class=${`${kind} dot`} d=${dotsPath(values, size)} />`;
    })}
  </svg> `;
}

interface PointerOptions extends ChartOptions {
  clock: string;
  shown: number;
  last: number;
  onPoint: (at: number | undefined) => void;
}

/** Lies over the curves, unseen. */
function Pointer({ title, series, text, clock, shown, last, onPoint }: PointerOptions) {
  const saying = series.map(({ label, values }) => `${label} ${text(values[shown])}`).join(', ');
  const point = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    onPoint(Math.max(0, Math.min(last, Math.round(((event.clientX - box.left) / box.width) * last))));
  };
  return html`<input
    type="range"
    aria-label=${`${title}: a moment`}
    aria-valuetext=${`${clock}: ${saying}`}
    min="0"
    max=${last}
    value=${shown}
    onInput=${(event: Event) => onPoint(Number((event.currentTarget as HTMLInputElement).value))}
    onPointerMove=${point}
    onPointerLeave=${() => onPoint(undefined)}
    onBlur=${() => onPoint(undefined)}
  />`;
}
