import { Gauge, type Registry } from '@prometheus-io/client';
import type { PartHealth } from '../../base/part-health.ts';

/** Registers a gauge of which parts of the daemon are well, asked whenever metrics are read. */
export function partGauge(registry: Registry, parts: () => PartHealth[]): void {
  new Gauge({
    name: 'berth_part_healthy',
    help: '1 where a part of the daemon or its host is as it should be, 0 where the log says what is wrong',
    labelNames: ['part'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { name, healthy } of parts()) this.set({ part: name }, healthy ? 1 : 0);
    },
  });
}
