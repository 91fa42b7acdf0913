import type { FunctionDeployment } from '../../provider/index.ts';
import { StartError } from './start-error.ts';
import { faultOwner } from './to-provider-error.ts';
import type { Generation } from './desired/record.ts';
import type { GenerationOutcome } from './reconcile/function-state.ts';

/** A version that was written to its function's record, and is now waited for. */
export interface Rollout {
  generation: Generation;
  outcome: Promise<GenerationOutcome>;
  deadline: Promise<undefined>;
}

/** Returns undefined for a version that the caller does not wait for any longer. */
export async function outcomeInTime({
  generation,
  outcome,
  deadline,
}: Rollout): Promise<GenerationOutcome | undefined> {
  return generation.imageDigest ? Promise.race([outcome, deadline]) : undefined;
}

/** Whether a version failed as its process ended. */
export function isExit(error: Error): boolean {
  return error instanceof StartError && error.kind === 'exited';
}

/** Returns what whoever sent an update is told of its failure. */
export function updateFailed({ name, image }: FunctionDeployment, error: Error): Error {
  if (!isExit(error) && faultOwner(error) !== 'unknown') return error;
  const message = `the new version of ${name} (${image}) did not start, the old one stays: ${error.message}`;
  return new StartError('failed', message, { cause: error });
}
