import { describeError } from '../../../base/log.ts';
import { type FunctionName, fullName } from '../../../provider/index.ts';
import { candidateDropped, isRestart, promoted, rolledBack } from '../desired/record.ts';
import { StartError } from '../start-error.ts';
import type { FunctionState } from './function-state.ts';
import type { StepParts } from './reconciler-parts.ts';

const lastLineLength = 200;

/** The steps that change which version of a function is wanted. */
export class Rollouts {
  readonly #parts: StepParts;

  constructor(parts: StepParts) {
    this.#parts = parts;
  }

  /** Lets the candidate take over, and tells who waits for it. */
  async promote(state: FunctionState): Promise<void> {
    const { store, wake, log, host } = this.#parts;
    const before = store.get(state.fn);
    const { candidate } = before ?? {};
    if (!before || !candidate) return;
    await store.change(state.fn, (record) => record && promoted(record));
    const { image } = candidate.deployment;
    const what = isRestart(before) ? 'restarted, new replicas serve' : 'new version serves';
    log.info(what, { function: fullName(state.fn), generation: candidate.id, image });
    const told = isRestart(before)
      ? ({ kind: 'restarted', text: 'was restarted: new replicas serve' } as const)
      : ({ kind: 'updated', text: `version ${candidate.id} of ${image} serves` } as const);
    host.events.tell({ ...state.fn, ...told });
    state.settle(candidate.id, { ready: true });
    wake(state.fn);
  }

  /** Takes the candidate that failed out of the record, with the reason, and tells who waits for it. */
  async dropCandidate(state: FunctionState): Promise<void> {
    const { store, wake, log, host } = this.#parts;
    const before = store.get(state.fn);
    const { candidate } = before ?? {};
    if (!before || !candidate) return;
    const { id, deployment } = candidate;
    const error = await this.#whyFailed(state, id);
    const reason = describeError(error);
    // What was wanted meanwhile stays wanted: a removal, a newer update, a wake.
    const after = await store.change(state.fn, (record) => record && candidateDropped(record, id, reason));
    if (!after) return;
    state.settle(id, { ready: false, error });
    if (after.failure?.generation !== id) return;
    const { image } = deployment;
    const what = isRestart(before) ? 'restart failed, the old replicas stay' : 'new version failed, the old one stays';
    log.warn(what, { function: fullName(state.fn), image, reason });
    const text = `${isRestart(before) ? 'the restart' : `the update to ${image}`} failed, the version before serves on: ${reason}`;
    host.events.tell({ ...state.fn, kind: 'update-failed', severity: 'error', text });
    wake(state.fn);
  }

  /** Makes the previous version the candidate: it takes over when it is ready, like any update. */
  async rollBack({ fn }: FunctionState): Promise<void> {
    const { store, wake, log, host } = this.#parts;
    const reason = 'it crashed again and again after the update';
    const record = await store.change(fn, (now) => now && rolledBack(now, reason));
    if (!record?.previous) return;
    const { image } = record.previous.deployment;
    log.warn('rolling back to the previous version', { function: fullName(fn), image, reason });
    const text = `goes back to the version before, of ${image}: ${reason}`;
    host.events.tell({ ...fn, kind: 'rolled-back', severity: 'warn', text });
    wake(fn);
  }

  /** Returns why a candidate failed; of a process that ended, also what it said last. */
  async #whyFailed(state: FunctionState, generation: string): Promise<Error> {
    const { failure } = state.generation(generation);
    if (failure) return failure;
    const replica = state.replicasOf(generation).find(({ lastExit }) => lastExit);
    const reason = replica?.lastExit?.reason ?? 'its process ended';
    const line = replica && (await this.#lastLine(state.fn, replica.id));
    return new StartError('exited', line ? `${reason}; its last line: ${line.slice(0, lastLineLength)}` : reason);
  }

  async #lastLine(fn: FunctionName, instance: string): Promise<string | undefined> {
    const { archive } = this.#parts.host.logs;
    for await (const { text } of archive.query({ ...fn, instance, tail: 1, follow: false })) return text;
    return undefined;
  }
}
