import type { ReplicaRange } from '../../provider/index.ts';

/**
 * Says how many replicas a load needs: `ceil(load / perReplica)` within min and max.
 * Source: https://docs.openfaas.com/architecture/autoscaling/
 */
export function desiredReplicas(load: number, { perReplica, min, max }: ReplicaRange): number {
  // 6 / (10 * 0.6) must be 1 whatever floating point makes of it.
  const wanted = Math.ceil(load / perReplica - 1e-9);
  return Math.min(Math.max(wanted, min), max);
}
