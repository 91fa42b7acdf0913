import type { V1Pod } from '@kubernetes/client-node';
import type { ReplicaStatus } from '../../provider/index.ts';
import { generationLabel } from './cluster-labels.ts';
import { isoTime, timeMs } from './cluster-time.ts';
import { nameOf } from './object-store.ts';
import { lastExitOf, podTrouble, restartsOf } from './pod-trouble.ts';

/**
 * Returns how a function's Pods are, as its replicas.
 * @param takesCalls says whether a Pod is called
 * @param inFlight counts the calls that it has
 */
export function podReplicas(
  pods: V1Pod[],
  takesCalls: (id: string) => boolean,
  inFlight: (id: string) => number,
): ReplicaStatus[] {
  return pods.map((pod) => {
    const id = nameOf(pod);
    const state = stateOf(pod, takesCalls(id));
    return {
      id,
      generation: pod.metadata?.labels?.[generationLabel] ?? 'unknown',
      state,
      address: pod.status?.podIP,
      since: isoTime(pod.status?.containerStatuses?.[0]?.state?.running?.startedAt),
      restarts: restartsOf(pod),
      lastExit: lastExitOf(pod)?.words,
      inFlight: inFlight(id),
      reason: state === 'starting' || state === 'unready' ? podTrouble(pod)?.words : undefined,
    };
  });
}

function stateOf(pod: V1Pod, takesCalls: boolean): ReplicaStatus['state'] {
  if (pod.metadata?.deletionTimestamp !== undefined) return 'stopping';
  if (takesCalls) return 'ready';
  return wasReady(pod) ? 'unready' : 'starting';
}

/** A Pod that never was ready is so since before its process began. */
function wasReady({ status }: V1Pod): boolean {
  const startedAt = status?.containerStatuses?.[0]?.state?.running?.startedAt;
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return startedAt !== undefined && timeMs(ready?.lastTransitionTime) > timeMs(startedAt);
}
