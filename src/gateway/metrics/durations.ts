import type { Sample } from './read-series.ts';

/** Upper bounds in seconds of the buckets of OpenFaaS's gateway, which are those of Prometheus' own clients. */
const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

const bucketLabels = [...bounds, '+Inf'].map((le) => ({ le }));

/** What is kept of durations: how many there were up to each bound, and beyond the last, and their sum in seconds. */
export interface KeptDurations {
  counts: number[];
  sum: number;
}

/** Counts durations by how long they took, and allocates nothing for one. */
export class Durations {
  readonly #counts = new Float64Array(bounds.length + 1);
  #total = 0;
  #sum = 0;

  get total(): number {
    return this.#total;
  }

  observe(seconds: number): void {
    let bucket = 0;
    while (bucket < bounds.length && seconds > (bounds[bucket] ?? Infinity)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total += 1;
    this.#sum += seconds;
  }

  /** Returns what is to be kept of them. */
  kept(): KeptDurations {
    return { counts: [...this.#counts], sum: this.#sum };
  }

  /** Adds what was kept. */
  add({ counts, sum }: KeptDurations): void {
    this.#sum += sum;
    for (const [bucket, count] of counts.slice(0, this.#counts.length).entries()) {
      this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
      this.#total += count;
    }
  }

  /** Returns the samples of a histogram of this name. */
  samples(name: string, sharedLabels: Record<string, string | number>): Sample[] {
    const metricName = `${name}_bucket`;
    let value = 0;
    const samples: Sample[] = bucketLabels.map((labels, bucket) => {
      value += this.#counts[bucket] ?? 0;
      return { metricName, labels, sharedLabels, value };
    });
    samples.push({ metricName: `${name}_sum`, labels: {}, sharedLabels, value: this.#sum });
    samples.push({ metricName: `${name}_count`, labels: {}, sharedLabels, value: this.#total });
    return samples;
  }
}
