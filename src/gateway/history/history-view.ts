import type { HistoryView } from '../dashboard/wire.ts';
import { spans, type FunctionHistory, type HistorySpan } from './function-history.ts';
import { historyColumns, type HistoryColumn, type StepNumbers } from './history-ring.ts';

/** A sample stands for the steps behind it until the next one, which comes once a minute. */
const sampleSteps = 7;
const counts: readonly HistoryColumn[] = ['calls', 'errors'];
const samples: readonly HistoryColumn[] = ['memoryBytes', 'cpuMillis', 'replicas'];

export interface ViewOptions {
  span: HistorySpan;
  lastStep: number;
  /** The first step of this process: from then on a step of which nothing is known had no calls. */
  sinceStep: number;
}

/** Tells what a function was like up to a step. */
export function viewOf(history: FunctionHistory, { span, lastStep, sinceStep }: ViewOptions): HistoryView {
  const { stepSeconds, slots } = spans[span];
  const first = lastStep - slots + 1;
  const steps = Array.from({ length: slots }, (_, at) => history.rings[span].get(first + at));
  const firstKnown = steps.findIndex((step) => step !== undefined);
  const countedFrom = Math.min(Math.max(0, sinceStep - first), firstKnown === -1 ? slots : firstKnown);
  const columnOf = (name: HistoryColumn): (number | null)[] => {
    if (counts.includes(name)) return steps.map((step, at) => step?.[name] ?? (at < countedFrom ? null : 0));
    if (span === 'hour' && samples.includes(name)) return heldOn(steps, name);
    return steps.map((step) => rounded(step?.[name]));
  };
  const columns = Object.fromEntries(historyColumns.map((name) => [name, columnOf(name)]));
  const from = new Date(first * stepSeconds * 1000).toISOString();
  return { from, stepSeconds, ...(columns as Record<HistoryColumn, (number | null)[]>) };
}

/** Has each sample stand for the steps behind it as well. */
function heldOn(steps: (StepNumbers | undefined)[], name: HistoryColumn): (number | null)[] {
  let [held, left]: [number | null, number] = [null, 0];
  return steps.map((step) => {
    const sample = rounded(step?.[name]);
    if (sample !== null) [held, left] = [sample, sampleSteps];
    left -= 1;
    return left >= 0 ? held : null;
  });
}

/** Durations have fractions that say nothing. */
function rounded(value: number | undefined): number | null {
  return value === undefined ? null : Number(value.toPrecision(4));
}
