import { monotonicMs } from '../../base/monotonic.ts';
import type { ReplicaStatus } from '../../provider/index.ts';
import { wantedGeneration, type FunctionRecord } from './desired/record.ts';
import type { FunctionState } from './reconcile/function-state.ts';
import type { Replica } from './reconcile/replica.ts';

/**
 * Returns how a function's replicas are, those of a version that comes or goes too. What a sleeping one keeps for a quick wake
 * counts for none.
 * @param inFlight counts the calls that a replica has
 * @param beganMs says when its process began, on the monotonic clock
 */
export function replicaStatuses(
  record: FunctionRecord,
  state: FunctionState,
  inFlight: (id: string) => number,
  beganMs: (replica: Replica) => number | undefined,
): ReplicaStatus[] {
  const isKept = ({ generation, task }: Replica) =>
    record.asleep && generation === record.current.id && task !== 'running';
  const replicas = [...state.replicas.values()].filter((replica) => !isKept(replica));
  return replicas.map((replica) => {
    const { id, generation, ip: address, restarts, lastExit: exit } = replica;
    const lastExit = exit && `${exit.reason} at ${exit.at.toISOString()}`;
    const now = stateOf(replica, record);
    const reason = whyNotReady(replica, now, state);
    return {
      id,
      generation,
      state: now,
      address,
      since: sinceOf(replica, beganMs(replica)),
      restarts,
      lastExit,
      inFlight: inFlight(id),
      reason,
    };
  });
}

function stateOf(replica: Replica, record: FunctionRecord): ReplicaStatus['state'] {
  const { draining, broken } = replica.view(monotonicMs());
  const isWanted = wantedGeneration(record, replica.generation) !== undefined;
  const isPutToSleep = record.asleep && replica.generation === record.current.id;
  if (draining || broken || !isWanted || isPutToSleep) return 'stopping';
  if (replica.takesCalls) return 'ready';
  return replica.task === 'running' && replica.wasReady ? 'unready' : 'starting';
}

function whyNotReady(replica: Replica, now: ReplicaStatus['state'], state: FunctionState): string | undefined {
  if (now === 'unready')
    return replica.view(monotonicMs()).unhealthy
      ? 'it does not do its work, and is being replaced'
      : 'its readiness probe fails, or it cannot be reached';
  if (now !== 'starting') return undefined;
  if (replica.task === 'running') return state.neverReady(replica.generation, monotonicMs());
  return state.generation(replica.generation).failure?.message ?? replica.lastExit?.reason;
}

/** To the second, as it is worked out anew each time. */
function sinceOf({ task }: Replica, beganMs: number | undefined): string | undefined {
  if (task !== 'running' || beganMs === undefined) return undefined;
  const seconds = Math.round((Date.now() - (monotonicMs() - beganMs)) / 1000);
  return new Date(seconds * 1000).toISOString();
}
