import { monotonicMs } from '../../base/monotonic.ts';
import { workloadOf, type FunctionFacts, type FunctionStatus, type FunctionVersion } from '../../provider/index.ts';
import type { StoredFunction } from './desired/function-store.ts';
import { replicasWanted, rolledBackOnRequest, type FunctionRecord, type Generation } from './desired/record.ts';
import type { FunctionState } from './reconcile/function-state.ts';

const statusAnnotation = 'com.openfaas.berth.status';

/** The status of each record when it was last asked for: lists are asked for each second, and few functions change. */
const statuses = new WeakMap<FunctionRecord, FunctionStatus>();

/**
 * Returns a status as the list shows it: the deployment as sent, so that `faas-cli diff` finds no difference. The same object
 * as before where nothing has changed, so it is not to be changed.
 */
export function functionStatus({ record }: StoredFunction, state: FunctionState | undefined): FunctionStatus {
  const availableReplicas = state?.readyReplicas(record.current.id).length ?? 0;
  const before = statuses.get(record);
  if (before?.availableReplicas === availableReplicas) return before;
  const { deployment, createdAt } = record.current;
  const status = {
    ...deployment,
    labels: deployment.labels ?? {},
    annotations: deployment.annotations ?? {},
    replicas: record.asleep ? 0 : replicasWanted(record, record.current),
    availableReplicas,
    createdAt,
  };
  statuses.set(record, status);
  return status;
}

/** Returns what only the status of one function says: why it is not ready, how it ended, which image runs. */
export function functionFacts(record: FunctionRecord, state: FunctionState | undefined): FunctionFacts {
  const { current, candidate, previous, failure } = record;
  const exits = state?.exitsOf(current.id) ?? [];
  const [exit] = exits.flatMap(({ lastExit }) => lastExit ?? []).sort((a, b) => b.at.getTime() - a.at.getTime());
  const { warnings } = workloadOf(current.deployment).scaling;
  return {
    generation: current.id,
    deployedAt: current.createdAt,
    imageDigest: current.imageDigest,
    candidate: candidate && versionOf(candidate),
    previous: previous && versionOf(previous),
    reason: state?.generation(current.id).failure?.message ?? state?.neverReady(current.id, monotonicMs()),
    restarts: exits.reduce((sum, { restarts }) => sum + restarts, 0),
    lastExit: exit && `${exit.reason} at ${exit.at.toISOString()}`,
    failedUpdate: failure && `${failure.reason} at ${failure.at}`,
    warnings: warnings.length > 0 ? warnings : undefined,
    file: record.file?.path,
  };
}

function versionOf({ id, deployment, imageDigest, createdAt }: Generation): FunctionVersion {
  return { generation: id, image: deployment.image, imageDigest, deployedAt: createdAt };
}

/**
 * Says what is wrong with a function in the one annotation that `faas-cli describe` shows of it. What the user sent stays.
 * @returns the annotations as they were where nothing is wrong
 */
export function annotationsWithFault(status: FunctionStatus, record: FunctionRecord): Record<string, string> {
  const { replicas, availableReplicas, annotations, berth = {} } = status;
  const { reason, lastExit, failedUpdate, warnings = [] } = berth;
  const isShort = availableReplicas < replicas;
  const isOwnWish = record.failure?.reason === rolledBackOnRequest;
  const wrong = [
    reason && `not ready: ${reason}`,
    isShort && lastExit && `ended last: ${lastExit}`,
    failedUpdate && !isOwnWish && `last update: ${failedUpdate}`,
    ...warnings,
  ].filter((said) => said);
  return wrong.length > 0 ? { [statusAnnotation]: wrong.join('; '), ...annotations } : annotations;
}
