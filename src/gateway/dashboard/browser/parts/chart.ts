import { linePath, topOf, wordsOf, type Values } from '../chart-paths.ts';
import { html, useState } from '../preact.js';

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

const width = 600;
const height = 120;

/** Lines over time. What is at a moment is shown by pointing at it, and by the arrow keys. */
export function Chart({ title, series, from, stepSeconds, text, isBytes = false }: ChartOptions) {
  const [at, setAt] = useState<number | undefined>(undefined);
  const most = topOf(
    series.map(({ values }) => values),
    isBytes,
  );
  const last = (series[0]?.values.length ?? 1) - 1;
  const clock = (i: number) =>
    new Date(Date.parse(from) + i * stepSeconds * 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  const saying = (i: number) => series.map(({ label, values }) => `${label} ${text(values[i])}`).join(', ');
  const point = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    setAt(Math.max(0, Math.min(last, Math.round(((event.clientX - box.left) / box.width) * last))));
  };
  const shown = Math.min(at ?? last, last);
  const x = last > 0 ? (shown / last) * width : 0;
  return html`<figure class="chart">
    <figcaption>
      <strong>${title}</strong>
      <span>
        ${at === undefined ? 'now' : clock(shown)}
        ${series.map(({ label, values, isBad }) => html` <span class=${`key ${isBad ? 'bad' : ''}`}>${label} ${text(values[shown])}</span>`)}
      </span>
    </figcaption>
    <div class="plot">
      <svg
        role="img"
        aria-label=${`${title}. ${series.map(({ label, values }) => wordsOf(label, values, text)).join('. ')}`}
        viewBox="0 0 ${width} ${height}"
        preserveAspectRatio="none"
      >
        <path class="grid" d=${`M0 .5H${width}M0 ${height / 2}H${width}M0 ${height - 0.5}H${width}`} />
        ${at !== undefined && html`<path class="grid at" d=${`M${x} 0V${height}`} />`}
        ${series.map(({ values, isBad }) => html`<path class=${`curve ${isBad ? 'bad' : ''}`} d=${linePath(values, { width, height, most })} />`)}
      </svg>
      <input
        type="range"
        aria-label=${`${title}: a moment`}
        aria-valuetext=${`${clock(shown)}: ${saying(shown)}`}
        min="0"
        max=${Math.max(last, 0)}
        value=${shown}
        onInput=${(event: Event) => setAt(Number((event.currentTarget as HTMLInputElement).value))}
        onPointerMove=${point}
        onPointerLeave=${() => setAt(undefined)}
        onBlur=${() => setAt(undefined)}
      />
    </div>
    <p class="axis"><span>${clock(0)}</span><span>top: ${text(most)}</span><span>${clock(last)}</span></p>
  </figure>`;
}
