import { setImmediate as nextTurn } from 'node:timers/promises';
import { Gauge, type Registry } from '@prometheus-io/client';

/** One line of a metrics page; its name is the metric's unless it has one. */
export interface Sample {
  metricName?: string;
  labels: Record<string, string | number>;
  /** Labels that other samples have as well, in the same object: they are written out once. */
  sharedLabels?: Record<string, string | number>;
  value: number;
}

export interface ReadSeriesOptions {
  name: string;
  help: string;
  type: 'counter' | 'gauge' | 'histogram';
  /** Returns the samples whenever metrics are read. */
  read: () => Sample[];
}

/** Resolves when the series that was asked for last has had its turn. */
let lastTurn: Promise<void> = Promise.resolve();

/**
 * A metric that keeps nothing: what counts is elsewhere, and costs no more there than a number does. Each has a turn of the
 * event loop to itself: the lines of a thousand functions take milliseconds, and calls go on between.
 */
class ReadSeries extends Gauge<string> {
  readonly #options: ReadSeriesOptions;

  constructor(options: ReadSeriesOptions, registry: Registry) {
    const { name, help } = options;
    super({ name, help, registers: [registry] });
    this.#options = options;
  }

  override async get() {
    const { name, help, type, read } = this.#options;
    await (lastTurn = lastTurn.then(() => nextTurn()));
    return { name, help, type, aggregator: 'sum' as const, collect: () => {}, values: read() };
  }
}

/** Registers a metric whose samples are read from elsewhere. */
export function readSeries(registry: Registry, options: ReadSeriesOptions): void {
  new ReadSeries(options, registry);
}
