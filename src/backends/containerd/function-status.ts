import type { FunctionStatus } from '../../provider/index.ts';
import type { StoredFunction } from './desired/function-store.ts';
import type { FunctionRecord } from './desired/record.ts';
import type { FunctionState } from './reconcile/function-state.ts';

/** Returns a status as the list shows it: the deployment as sent, so that `faas-cli diff` finds no difference. */
export function functionStatus({ record }: StoredFunction, state: FunctionState | undefined): FunctionStatus {
  const { deployment, createdAt } = record.current;
  return {
    ...deployment,
    labels: deployment.labels ?? {},
    annotations: deployment.annotations ?? {},
    replicas: record.asleep ? 0 : record.replicas,
    availableReplicas: state?.readyReplicas(record.current.id).length ?? 0,
    createdAt,
  };
}

/** Returns what only the status of one function says: why it is not ready, how it ended, which image runs. */
export function berthAnnotations(record: FunctionRecord, state: FunctionState | undefined): Record<string, string> {
  const replicas = [...(state?.replicas.values() ?? [])].filter(({ generation }) => generation === record.current.id);
  const exits = replicas.flatMap(({ lastExit }) => lastExit ?? []).sort((a, b) => b.at.getTime() - a.at.getTime());
  const failure = state?.generation(record.current.id).failure;
  const restarts = replicas.reduce((sum, replica) => sum + replica.restarts, 0);
  const said: Record<string, string | undefined> = {
    'image-digest': record.current.imageDigest,
    reason: failure?.message ?? state?.neverReady(record.current.id, Date.now()),
    restarts: restarts > 0 ? String(restarts) : undefined,
    'last-exit': exits[0] && `${exits[0].reason} at ${exits[0].at.toISOString()}`,
    'failed-update': record.failure && `${record.failure.reason} at ${record.failure.at}`,
  };
  return Object.fromEntries(
    Object.entries(said).flatMap(([key, value]) => (value ? [[`com.openfaas.berth.${key}`, value]] : [])),
  );
}
