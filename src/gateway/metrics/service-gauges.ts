import { Gauge, type Registry } from '@prometheus-io/client';
import type { Log } from '../../base/log.ts';
import { type FunctionStatus, type Provider, fullName, hasScalingLabel, workloadOf } from '../../provider/index.ts';
import { listAll } from '../list-all.ts';
import { oncePerScrape } from './once-per-scrape.ts';

export interface ServiceGaugesOptions {
  provider: Provider;
  defaultNamespace: string;
  registry: Registry;
  log: Log;
}

/**
 * Registers gauges of each function's replicas and of what its labels ask for, read whenever metrics are.
 * Source: https://docs.openfaas.com/architecture/metrics/
 */
export function serviceGauges({ provider, defaultNamespace, registry, log }: ServiceGaugesOptions): void {
  const list = oncePerScrape(() =>
    listAll(provider, defaultNamespace).catch((error: unknown) => {
      log.warn('metrics without replicas: cannot list functions', { error });
      return [];
    }),
  );
  const gauge = (name: string, help: string, valueOf: (status: FunctionStatus) => number) =>
    new Gauge({
      name: `gateway_service_${name}`,
      help,
      labelNames: ['function_name'],
      registers: [registry],
      async collect() {
        const functions = await list();
        this.reset();
        for (const status of functions) this.set({ function_name: fullName(status) }, valueOf(status));
      },
    });
  gauge('count', 'Replicas wanted', ({ replicas }) => replicas);
  gauge('ready_count', 'Replicas ready', ({ availableReplicas }) => availableReplicas);
  gauge('min', 'Fewest replicas while awake', (status) => workloadOf(status).scaling.min);
  targetGauge(registry, list);
}

function targetGauge(registry: Registry, list: () => Promise<FunctionStatus[]>): void {
  new Gauge({
    name: 'gateway_service_target_load',
    help: 'Load that one replica is to carry, of functions that scale by load',
    labelNames: ['function_name', 'scaling_type'],
    registers: [registry],
    async collect() {
      const functions = await list();
      this.reset();
      for (const status of functions.filter(({ labels }) => hasScalingLabel(labels))) {
        const { load } = workloadOf(status).scaling;
        if (load) this.set({ function_name: fullName(status), scaling_type: load.type }, load.perReplica);
      }
    },
  });
}
