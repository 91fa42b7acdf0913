/** What one run has measured: samples of each contender, by group and by what was measured. */
export interface Row {
  group: string;
  what: string;
  unit: string;
  /** In the order in which they were first measured. */
  samples: Record<string, number[]>;
}

export class Figures {
  readonly rows: Row[];

  constructor(rows: Row[] = []) {
    this.rows = rows;
  }

  add(group: string, what: string, unit: string, contender: string, ...samples: number[]): void {
    let row = this.#find(group, what);
    if (!row) this.rows.push((row = { group, what, unit, samples: {} }));
    (row.samples[contender] ??= []).push(...samples);
  }

  /** The median of what a contender reached; undefined where it was not measured. */
  of(group: string, what: string, contender: string): number | undefined {
    return medianOf(this.#find(group, what)?.samples[contender]);
  }

  #find(group: string, what: string): Row | undefined {
    return this.rows.find((row) => row.group === group && row.what === what);
  }
}

export function medianOf(samples: number[] | undefined): number | undefined {
  return samples?.toSorted((a, b) => a - b)[Math.floor((samples.length - 1) / 2)];
}

/** Milliseconds that something took. */
export async function timed(act: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await act();
  return performance.now() - startMs;
}

/** Three digits that say something, thousands apart. */
export function readable(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits).replace(/\B(?=(\d{3})+$)/g, ' ');
}
