import type { FunctionName } from '../../../../provider/index.ts';
import type { HistoryView } from '../../wire.ts';
import { api, RefusedError } from '../api.ts';
import { useLoaded } from '../asking.ts';
import { Chart, type ChartOptions } from '../parts/chart.ts';
import { Problem } from '../parts/problem.ts';
import { html, useState } from '../preact.js';
import { bytesText, cpuText, msText } from '../texts.ts';

const spans = { hour: 'Last hour', day: 'Last day' } as const;
type Span = keyof typeof spans;
const everyMs = { hour: 30_000, day: 300_000 };

/** What the function was like over time. */
export function Graphs({ name, namespace }: FunctionName) {
  const [span, setSpan] = useState<Span>('hour');
  const path = `/system/function/${name}/history?namespace=${namespace}&span=${span}`;
  const ask = (signal: AbortSignal) => api.json<HistoryView>(path, { signal }).catch(unlessUnknown);
  const { value, problem } = useLoaded(ask, [path], everyMs[span]);
  if (!value && !problem) return null;
  return html`<section class="card" aria-labelledby="graphs">
    <div class="head">
      <h2 id="graphs">Over time</h2>
      <div class="buttons" role="group" aria-label="Span of the graphs">
        ${Object.entries(spans).map(
          ([key, title]) =>
            html`<button type="button" aria-pressed=${key === span} onClick=${() => setSpan(key as Span)}>
              ${title}
            </button>`,
        )}
      </div>
    </div>
    <${Problem} text=${problem} />
    ${value && html`<div class="charts">${chartsOf(value).map((chart) => html`<${Chart} ...${chart} />`)}</div>`}
  </section>`;
}

/** A berth that keeps no history does not know the path: there is nothing to draw. */
function unlessUnknown(error: unknown): undefined {
  if (!(error instanceof RefusedError && error.status === 404)) throw error;
}

function chartsOf(view: HistoryView): ChartOptions[] {
  const { from, stepSeconds } = view;
  const steps = { from, stepSeconds };
  const step = stepSeconds % 60 === 0 ? `${stepSeconds / 60} min` : `${stepSeconds} s`;
  return [
    {
      ...steps,
      title: `Calls per ${step}`,
      series: [
        { label: 'calls', values: view.calls },
        { label: 'errors', values: view.errors, isBad: true },
      ],
      text: countText,
    },
    {
      ...steps,
      title: 'Time of a call',
      series: [
        { label: 'p99', values: view.p99Ms },
        { label: 'p50', values: view.p50Ms },
      ],
      text: msText,
    },
    {
      ...steps,
      title: 'Memory',
      series: [{ label: 'all replicas', values: view.memoryBytes }],
      text: bytesText,
      isBytes: true,
    },
    { ...steps, title: 'CPU, of one core', series: [{ label: 'all replicas', values: view.cpuMillis }], text: cpuText },
    { ...steps, title: 'Replicas', series: [{ label: 'ready', values: view.replicas }], text: countText },
  ];
}

function countText(count: number | null | undefined): string {
  return count === null || count === undefined ? '–' : String(Math.round(count * 10) / 10);
}
