import type { Log } from '../../../base/log.ts';
import { type FunctionName, fullName } from '../../../provider/index.ts';
import type { FunctionStore } from '../desired/function-store.ts';
import { resolvedTo, wantedGeneration } from '../desired/record.ts';
import type { GenerationImages } from '../generation-images.ts';
import type { Host } from '../replicas/host.ts';
import type { Sweep } from '../sweep.ts';
import type { Timing } from '../timing.ts';
import type { Step } from './decide.ts';
import type { FunctionState } from './function-state.ts';
import { ReplicaJobs } from './replica-jobs.ts';
import { Rollouts } from './rollouts.ts';

export interface StepsOptions {
  store: FunctionStore;
  host: Host;
  images: GenerationImages;
  sweep: Sweep;
  timing: Timing;
  wake: (fn: FunctionName) => void;
  log: Log;
}

/**
 * Carries out what was decided. What changes the record is done within the pass; what works on a replica or pulls runs as
 * a job beside the passes.
 */
export class Steps {
  readonly #store: FunctionStore;
  readonly #images: GenerationImages;
  readonly #rollouts: Rollouts;
  readonly #jobs: ReplicaJobs;
  readonly #wake: (fn: FunctionName) => void;
  readonly #log: Log;

  constructor({ store, host, images, sweep, timing, wake, log }: StepsOptions) {
    this.#store = store;
    this.#images = images;
    this.#rollouts = new Rollouts({ store, logs: host.logs, wake, log });
    this.#jobs = new ReplicaJobs({ store, host, sweep, timing, wake, log });
    this.#wake = wake;
    this.#log = log;
  }

  /** Resolves when the step has been taken, or has begun beside the pass. */
  async take(state: FunctionState, step: Step): Promise<void> {
    this.#log.debug('reconcile step', { function: fullName(state.fn), ...step });
    switch (step.step) {
      case 'promote':
        return this.#rollouts.promote(state);
      case 'drop-candidate':
        return this.#rollouts.dropCandidate(state);
      case 'roll-back':
        return this.rollBack(state.fn, 'it crashed again and again after the update');
      case 'ensure-image':
        return this.#ensureImage(state, step.generation);
      case 'create-replica':
        return this.#jobs.begin(state, state.newReplica(step.generation).id, step.step);
      case 'drain':
        return this.#jobs.drain(state, step.replica);
      case 'create-task':
      case 'start-task':
      case 'stop-task':
      case 'delete-replica':
        return this.#jobs.begin(state, step.replica, step.step);
    }
  }

  /** Makes the previous version the candidate. */
  rollBack(fn: FunctionName, reason: string): Promise<void> {
    return this.#rollouts.rollBack(fn, reason);
  }

  /** Begins no further step on a replica, and resolves when those under way have ended. */
  stop(): Promise<void> {
    return this.#jobs.stop();
  }

  #ensureImage(state: FunctionState, generationId: string): void {
    const generation = state.generation(generationId);
    if (!generation.beginPull()) return;
    void this.#pull(state, generationId)
      .catch((error: unknown) => generation.failed(error, Date.now()))
      .finally(() => {
        generation.pullEnded();
        this.#wake(state.fn);
      });
  }

  async #pull(state: FunctionState, generationId: string): Promise<void> {
    const record = this.#store.get(state.fn);
    const wanted = record && wantedGeneration(record, generationId);
    if (!wanted) return;
    const image = await this.#images.ensure(wanted.deployment, wanted.imageDigest);
    state.generation(generationId).pulled(image);
    // A pull that took longer than its deploy waited: the record learns now what the reference stood for.
    await this.#store.change(state.fn, (now) => now && resolvedTo(now, generationId, image.digest));
  }
}
