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
 * Registers faas-provider's metrics of requests to /system.
 * @returns a function that counts and times a request; `path` is its route without parameters, lest callers make series
 * Source: https://github.com/openfaas/faas-provider/blob/master/metrics.go
 */
export function requestMetrics(registry: Registry): (ctx: FaaSContext, path: string) => void {
  const labelled = { labelNames: ['code', 'method', 'path'] as const, registers: [registry] };
  const total = new Counter({
    name: 'provider_http_requests_total',
    help: 'Total number of HTTP requests.',
    ...labelled,
  });
  const help = 'Seconds spent serving HTTP requests.';
  const seconds = new Histogram({ name: 'provider_http_request_duration_seconds', help, ...labelled });

  return (ctx, path) => {
    const startedMs = monotonicMs();
    ctx.res.once('close', () => {
      const labels = { code: String(ctx.res.statusCode), method: ctx.method, path };
      total.inc(labels);
      seconds.observe(labels, (monotonicMs() - startedMs) / 1000);
    });
  };
}
