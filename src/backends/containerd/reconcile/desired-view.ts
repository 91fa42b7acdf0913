import type { FunctionRecord } from '../desired/record.ts';
import { workloadOf } from '../../../provider/index.ts';
import type { DesiredFunction } from './decide.ts';
import type { FunctionState } from './function-state.ts';

/** A new version that crashes this often within its first minute is taken back. */
const rollBackCrashes = 3;
const rollBackWindowMs = 60_000;

/** Returns what the decision reads of a record. */
export function desiredView(record: FunctionRecord, state: FunctionState): DesiredFunction {
  const { current, candidate, replicas, asleep } = record;
  const { scaling, zeroDepth } = workloadOf(current.deployment);
  return {
    current: state.generation(current.id).view(),
    candidate: candidate && state.generation(candidate.id).view(),
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
