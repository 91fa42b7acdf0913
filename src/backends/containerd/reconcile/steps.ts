import { fullName } from '../../../provider/index.ts';
import { resolvedTo, wantedGeneration } from '../desired/record.ts';
import type { Step } from './decide.ts';
import { startFailed } from './failed-start.ts';
import type { FunctionState } from './function-state.ts';
import type { StepParts } from './reconciler-parts.ts';
import { ReplicaJobs } from './replica-jobs.ts';
import { Rollouts } from './rollouts.ts';
import type { Watches } from './watches.ts';

/**
 * Carries out what was decided. What changes the record is done within the pass; what works on a replica or pulls runs as
 * a job beside the passes.
 */
export class Steps {
  readonly #parts: StepParts;
  readonly #rollouts: Rollouts;
  readonly #jobs: ReplicaJobs;

  constructor(parts: StepParts, watches: Watches) {
    this.#parts = parts;
    this.#rollouts = new Rollouts(parts);
    this.#jobs = new ReplicaJobs(parts, watches);
  }

  /** Resolves when the step has been taken, or has begun beside the pass. */
  async take(state: FunctionState, step: Step): Promise<void> {
    this.#parts.log.debug('reconcile step', { function: fullName(state.fn), ...step });
    switch (step.step) {
      case 'promote':
        return this.#rollouts.promote(state);
      case 'drop-candidate':
        return this.#rollouts.dropCandidate(state);
      case 'roll-back':
        return this.#rollouts.rollBack(state);
      case 'ensure-image':
        return this.#ensureImage(state, step.generation);
      case 'create-replica':
        return this.#jobs.begin(state, state.newReplica(step.generation, this.#parts.host.pool.take()).id, step.step);
      case 'drain':
        return this.#jobs.drain(state, step.replica);
      case 'create-task':
      case 'start-task':
      case 'stop-task':
      case 'delete-replica':
        return this.#jobs.begin(state, step.replica, step.step);
    }
  }

  /** Begins no further step on a replica, and resolves when those under way have ended. */
  stop(): Promise<void> {
    return this.#jobs.stop();
  }

  #ensureImage(state: FunctionState, generationId: string): void {
    const generation = state.generation(generationId);
    if (!generation.beginPull()) return;
    void this.#pull(state, generationId)
      .catch((error: unknown) => startFailed(this.#parts, state, generationId, error))
      .finally(() => {
        generation.pullEnded();
        this.#parts.wake(state.fn);
      });
  }

  async #pull(state: FunctionState, generationId: string): Promise<void> {
    const { store, images } = this.#parts;
    const record = store.get(state.fn);
    const wanted = record && wantedGeneration(record, generationId);
    if (!wanted) return;
    const image = await images.ensure(wanted.deployment, wanted.imageDigest);
    state.generation(generationId).pulled(image);
    // A pull that took longer than its deploy waited: the record learns now what the reference stood for.
    await store.change(state.fn, (now) => now && resolvedTo(now, generationId, image.digest));
  }
}
