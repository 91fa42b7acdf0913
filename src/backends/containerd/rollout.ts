import { fullName, ProviderError, type FunctionDeployment, type FunctionName } from '../../provider/index.ts';
import { StartError } from './start-error.ts';
import { faultOwner } from './to-provider-error.ts';
import { isRestart, restarted, type FunctionRecord, type Generation } from './desired/record.ts';
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

/**
 * Returns what is wanted of a function that is restarted; of one that sleeps what was wanted before.
 * @throws ProviderError 409 while it is being updated
 */
export function restartOf(fn: FunctionName, record: FunctionRecord): FunctionRecord {
  if (record.asleep) return record;
  if (!record.candidate || isRestart(record)) return restarted(record);
  throw new ProviderError(
    409,
    `function ${fullName(fn)} is being updated, which brings new replicas: wait for its end`,
  );
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
