import { describeError } from '../../../base/log.ts';
import { monotonicMs } from '../../../base/monotonic.ts';
import type { FunctionState } from './function-state.ts';
import type { StepParts } from './reconciler-parts.ts';

/**
 * A pull or a step of a replica's start failed: its version is told, and once for each cause, however often it is tried again,
 * whoever follows events.
 */
export function startFailed(
  { store, host }: Pick<StepParts, 'store' | 'host'>,
  state: FunctionState,
  generation: string,
  error: unknown,
): void {
  const version = state.generation(generation);
  const before = version.failure;
  version.failed(error, monotonicMs());
  const isAtFault = version.failure !== undefined && version.failure !== before;
  // Why an update failed is told once it is given up.
  if (!isAtFault || store.get(state.fn)?.current.id !== generation) return;
  const reason = describeError(error);
  if (!version.isNewCause(reason)) return;
  const text = `a replica could not be started: ${reason}`;
  host.events.tell({ ...state.fn, kind: 'start-failed', severity: 'error', text });
}
