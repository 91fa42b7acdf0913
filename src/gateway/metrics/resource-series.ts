import { Counter, Gauge, type Registry } from '@prometheus-io/client';
import type { Log } from '../../base/log.ts';
import { type FunctionMeasure, type Provider, fullName } from '../../provider/index.ts';
import { oncePerScrape } from './once-per-scrape.ts';

export interface ResourceSeriesOptions {
  provider: Provider;
  registry: Registry;
  log: Log;
}

/**
 * Registers what functions use, and how often their processes ended, where the provider measures it.
 * Source of the first two: https://docs.openfaas.com/architecture/metrics/
 */
export function resourceSeries({ provider, registry, log }: ResourceSeriesOptions): void {
  if (!provider.measure) return;
  const measures = oncePerScrape(async () => {
    try {
      return (await provider.measure?.()) ?? [];
    } catch (error) {
      log.warn('metrics without what functions use: cannot measure them', { error });
      return [];
    }
  });
  const series = (
    metric: typeof Counter | typeof Gauge,
    name: string,
    help: string,
    valueOf: (measured: FunctionMeasure) => number,
  ) =>
    new metric({
      name,
      help,
      labelNames: ['function_name', 'namespace'],
      registers: [registry],
      async collect() {
        const all = await measures();
        this.reset();
        for (const measured of all)
          this.inc({ function_name: fullName(measured), namespace: measured.namespace }, valueOf(measured));
      },
    });
  series(Counter, 'pod_cpu_usage_seconds_total', 'CPU time of all replicas', ({ cpuSeconds }) => cpuSeconds);
  series(Gauge, 'pod_memory_working_set_bytes', 'Memory of all replicas', ({ memoryBytes }) => memoryBytes);
  series(Counter, 'berth_function_restarts_total', 'Processes that ended by themselves', ({ restarts }) => restarts);
  series(Counter, 'berth_function_oom_kills_total', 'Kills for want of memory', ({ oomKills }) => oomKills);
}
