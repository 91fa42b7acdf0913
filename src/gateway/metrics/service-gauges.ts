import { Gauge, type Registry } from '@prometheus-io/client';
import type { Log } from '../../base/log.ts';
import { type FunctionStatus, type Provider, fullName } from '../../provider/index.ts';
import { listAll } from '../list-all.ts';

export interface ServiceGaugesOptions {
  provider: Provider;
  defaultNamespace: string;
  registry: Registry;
  log: Log;
}

/**
 * Registers gauges of each function's replicas, counted whenever metrics are read.
 * Source: https://docs.openfaas.com/architecture/metrics/
 */
export function serviceGauges(options: ServiceGaugesOptions): void {
  serviceGauge('gateway_service_count', 'Replicas wanted', ({ replicas }) => replicas, options);
  serviceGauge('gateway_service_ready_count', 'Replicas ready', ({ availableReplicas }) => availableReplicas, options);
}

function serviceGauge(
  name: string,
  help: string,
  valueOf: (status: FunctionStatus) => number,
  { provider, defaultNamespace, registry, log }: ServiceGaugesOptions,
): void {
  new Gauge({
    name,
    help,
    labelNames: ['function_name'],
    registers: [registry],
    async collect() {
      const functions = await listAll(provider, defaultNamespace).catch((error: unknown) => {
        log.warn('metrics without replicas: cannot list functions', { metric: name, error });
        return [];
      });
      this.reset();
      for (const status of functions) this.set({ function_name: fullName(status) }, valueOf(status));
    },
  });
}
