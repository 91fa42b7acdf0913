import type { V1Probe } from '@kubernetes/client-node';
import { functionPort, type ProbeSettings, type Workload } from '../../provider/index.ts';

/** Kubernetes counts whole seconds, and none of a probe may be below one. */
const seconds = (ms: number) => Math.max(1, Math.round(ms / 1000));

/**
 * Makes the probes of what the annotations of a function ask for. Without a path a function is ready when its port is open, and
 * it is replaced for its health only where a path of it was given.
 */
export function probesOf({ readiness, liveness }: Pick<Workload, 'readiness' | 'liveness'>): {
  readinessProbe: V1Probe;
  livenessProbe?: V1Probe;
} {
  const { path } = readiness;
  const readinessProbe = {
    ...timesOf(readiness),
    successThreshold: readiness.successThreshold,
    ...(path === undefined ? { tcpSocket: { port: functionPort } } : { httpGet: { path, port: functionPort } }),
  };
  if (liveness.path === undefined) return { readinessProbe };
  // It counts one good answer, whatever is asked for.
  const livenessProbe = { ...timesOf(liveness), httpGet: { path: liveness.path, port: functionPort } };
  return { readinessProbe, livenessProbe };
}

function timesOf({ initialDelayMs, periodMs, timeoutMs, failureThreshold }: ProbeSettings): V1Probe {
  return {
    ...(initialDelayMs > 0 && { initialDelaySeconds: seconds(initialDelayMs) }),
    periodSeconds: seconds(periodMs),
    timeoutSeconds: seconds(timeoutMs),
    failureThreshold,
  };
}
