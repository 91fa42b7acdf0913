import { replicasWanted, type FunctionRecord } from '../desired/record.ts';
import { workloadOf } from '../../../provider/index.ts';
import type { DesiredFunction } from './decide.ts';
import type { FunctionState } from './function-state.ts';

/** A new version that crashes this often within its first minute is taken back. */
const rollBackCrashes = 3;
const rollBackWindowMs = 60_000;

/** Returns what the decision reads of a record. */
export function desiredView(record: FunctionRecord, state: FunctionState, nowMs: number): DesiredFunction {
  const { current, candidate, asleep } = record;
  const { scaling, zeroDepth } = workloadOf(current.deployment);
  return {
    current: state.generation(current.id).view(),
    candidate: candidate && state.generation(candidate.id).view(),
    replicas: replicasWanted(record, current),
    candidateReplicas: candidate && replicasWanted(record, candidate),
    asleep,
    parked: scaling.min,
    parkedTask: zeroDepth === 'standby' ? 'created' : 'none',
    rollBack: crashesAfterPromotion(record, state, nowMs),
  };
}

function crashesAfterPromotion(record: FunctionRecord, state: FunctionState, nowMs: number): boolean {
  const { current, previous, promotedAt, failure } = record;
  if (!previous || !promotedAt) return false;
  // What is stored is of the wall clock, which is looked at once: it may be set meanwhile.
  const tookOverMs = state.generation(current.id).tookOverMs(nowMs, Date.now() - Date.parse(promotedAt));
  if (state.readyReplicas(current.id).length > 0) return false;
  // Once is enough: the previous version may be no better.
  if (failure?.generation === current.id) return false;
  const early = state
    .exitsOf(current.id)
    .filter(({ lastExit }) => lastExit && lastExit.atMs < tookOverMs + rollBackWindowMs)
    .reduce((sum, { restarts }) => sum + restarts, 0);
  return early >= rollBackCrashes;
}
