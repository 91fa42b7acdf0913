import type { Registry } from '@prometheus-io/client';
import type { CallCounts } from './call-counts.ts';
import { readSeries, type ReadSeriesOptions, type Sample } from './read-series.ts';

/** What is told of calls. The page has no more lines for it when there are more calls, but for statuses and wakes that are new. */
interface CallSeries extends Omit<ReadSeriesOptions, 'read'> {
  samplesOf: (name: string, counts: CallCounts) => Sample[];
}

const prefix = 'gateway_function_invocation';
const duration = 'gateway_functions_seconds';
const queue = 'berth_function_queue_seconds';
const wake = 'berth_function_wake_seconds';

/** The gateway's, whose names public dashboards rely on, and berth's of waiting. */
const series: CallSeries[] = [
  {
    name: `${prefix}_started`,
    help: 'Function calls begun',
    type: 'counter',
    samplesOf: (function_name, { started }) => [{ labels: { function_name }, value: started }],
  },
  {
    name: `${prefix}_inflight`,
    help: 'Function calls under way',
    type: 'gauge',
    samplesOf: (function_name, { calling }) => [{ labels: { function_name }, value: calling }],
  },
  {
    name: `${prefix}_total`,
    help: 'Function calls ended',
    type: 'counter',
    samplesOf: (function_name, { ended }) =>
      [...ended].map(([code, { total: value }]) => ({ labels: { function_name, code }, value })),
  },
  {
    name: duration,
    help: 'Function time taken',
    type: 'histogram',
    samplesOf: (function_name, { ended }) =>
      [...ended].flatMap(([code, durations]) => durations.samples(duration, { function_name, code })),
  },
  {
    name: queue,
    help: 'How long calls waited for a replica, of those that had to',
    type: 'histogram',
    samplesOf: (function_name, { queued }) => queued.samples(queue, { function_name }),
  },
  {
    name: wake,
    help: 'From a call that found the function asleep until it had a replica',
    type: 'histogram',
    samplesOf: (function_name, { woken }) => (woken.total > 0 ? woken.samples(wake, { function_name }) : []),
  },
];

/**
 * Registers the metrics of calls, of functions that were called.
 * Source: https://docs.openfaas.com/architecture/metrics/
 */
export function callSeries(registry: Registry, functions: ReadonlyMap<string, CallCounts>): void {
  for (const { samplesOf, ...metric } of series) {
    const read = () => [...functions].flatMap(([name, counts]) => (counts.started > 0 ? samplesOf(name, counts) : []));
    readSeries(registry, { ...metric, read });
  }
}
