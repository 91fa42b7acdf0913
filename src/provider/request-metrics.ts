import { Counter, Histogram, type Registry } from '@prometheus-io/client';
import { monotonicMs } from '../base/monotonic.ts';
import type { FaaSContext, Handler } from './handlers.ts';

/** Makes the handler of GET /metrics, which answers with the registry's metrics in Prometheus' text format. */
export function metricsHandler(registry: Registry): Handler {
  return async (ctx) => {
    ctx.set('Content-Type', registry.contentType);
    ctx.body = await registry.metrics();
  };
}

/**
 * Registers the metrics of requests to /system, under the names of faas-provider and under those of OpenFaaS's gateway.
 * @returns a function that counts and times a request; `path` is its route without parameters, lest callers make series
 * Sources: https://github.com/openfaas/faas-provider/blob/master/metrics.go,
 * https://docs.openfaas.com/architecture/metrics/
 */
export function requestMetrics(registry: Registry): (ctx: FaaSContext, path: string) => void {
  const ofProvider = requestSeries(registry, 'provider_http', ['code', 'method', 'path']);
  const ofGateway = requestSeries(registry, 'http', ['method', 'path', 'status']);
  return (ctx, path) => {
    const startedMs = monotonicMs();
    ctx.res.once('close', () => {
      const { method } = ctx;
      const seconds = (monotonicMs() - startedMs) / 1000;
      const status = String(ctx.res.statusCode);
      ofProvider({ code: status, method, path }, seconds);
      ofGateway({ method, path, status }, seconds);
    });
  };
}

function requestSeries(registry: Registry, prefix: string, labelNames: string[]) {
  const labelled = { labelNames, registers: [registry] };
  const total = new Counter({ name: `${prefix}_requests_total`, help: 'Total number of HTTP requests.', ...labelled });
  const help = 'Seconds spent serving HTTP requests.';
  const duration = new Histogram({ name: `${prefix}_request_duration_seconds`, help, ...labelled });
  return (labels: Record<string, string>, seconds: number) => {
    total.inc(labels);
    duration.observe(labels, seconds);
  };
}
