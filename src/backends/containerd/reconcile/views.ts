import type { FunctionRecord, Generation } from '../desired/record.ts';
import { workloadOf } from '../../../provider/index.ts';
import type { DesiredFunction, DesiredGeneration, ObservedReplica } from './decide.ts';
import type { FunctionState, ReplicaState } from './function-state.ts';

/** A new version that crashes this often within its first minute is taken back. */
const rollBackCrashes = 3;
const rollBackWindowMs = 60_000;

/** What the decision reads of a record. */
export function desiredView(record: FunctionRecord, state: FunctionState): DesiredFunction {
  const view = (generation: Generation): DesiredGeneration => {
    const { image, failure } = state.generation(generation.id);
    return { id: generation.id, imageReady: image !== undefined, failed: failure !== undefined };
  };
  const { current, candidate, replicas, asleep } = record;
  const { scaling, zeroDepth } = workloadOf(current.deployment);
  return {
    current: view(current),
    candidate: candidate && view(candidate),
    replicas: Math.max(1, replicas),
    asleep,
    parked: scaling.min,
    parkedTask: zeroDepth === 'standby' ? 'created' : 'none',
    rollBack: crashesAfterPromotion(record, state),
  };
}

function crashesAfterPromotion(record: FunctionRecord, state: FunctionState): boolean {
  const { current, previous, promotedAt, failure } = record;
  if (!previous || !promotedAt || state.readyReplicas(current.id).length > 0) return false;
  // Once is enough: the previous version may be no better.
  if (failure?.generation === current.id) return false;
  const untilMs = Date.parse(promotedAt) + rollBackWindowMs;
  const early = state
    .replicasOf(current.id)
    .filter(({ lastExit }) => lastExit && lastExit.at.getTime() < untilMs)
    .reduce((sum, { restarts }) => sum + restarts, 0);
  return early >= rollBackCrashes;
}

/** What the decision reads of a replica. */
export function observedView(replica: ReplicaState, nowMs: number): ObservedReplica {
  const { id, generation, task, created, ready, unhealthy, broken, draining, drained } = replica;
  return {
    id,
    generation,
    task,
    created,
    ready,
    unhealthy,
    broken,
    draining,
    drained,
    busy: replica.busy !== undefined || replica.retryAtMs > nowMs,
    backingOff: replica.restartAtMs > nowMs,
  };
}
